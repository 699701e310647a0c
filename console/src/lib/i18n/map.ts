import { messages } from './messages.ts';

export const map = messages({
  zh: { title: '地图' },
  en: { title: 'Map' },
});
