import type { CameraTrouble } from '@tocsin/protocol/views.ts';

/**
 * Why a camera gives no picture, with what an engineer wants to know. As the `detail` of its resource the trouble's name comes
 * first, so that the console can say it in the user's words.
 */
export interface Complaint {
  trouble: CameraTrouble;
  detail?: string;
}

export const complaintInWords = ({ trouble, detail }: Complaint): string =>
  (detail ? `${trouble}: ${detail}` : trouble).slice(0, 200);
