import { messages } from './messages.ts';

export const desk = messages({
  zh: {
    moreToasts: (n: number) => `还有 ${n} 条`,
  },
  en: {
    moreToasts: (n) => `${n} more`,
  },
});
