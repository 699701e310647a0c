import { messages } from './messages.ts';

export const video = messages({
  zh: { title: '现场视频' },
  en: { title: 'Field video' },
});
