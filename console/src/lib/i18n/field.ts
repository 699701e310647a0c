import { messages } from './messages.ts';

export const field = messages({
  zh: { title: '现场' },
  en: { title: 'Field' },
});
