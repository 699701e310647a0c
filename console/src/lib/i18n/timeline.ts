import { messages } from './messages.ts';

export const timeline = messages({
  zh: { title: '时间线' },
  en: { title: 'Timeline' },
});
