import { t } from '#i18n/language.svelte.ts';
import type { MenuItem } from '#ui/Menu.svelte';
import { act } from './act.ts';
import { session } from './session.svelte.ts';

/** Recording a talk by hand: begun, ended, and what is said meanwhile kept out. */
export function recordingActs(
  talk: { call: string } | { conference: string },
  state: { isRecording: boolean; isRecordingPaused?: boolean },
): MenuItem[] {
  const may = session.may('record');
  if (!state.isRecording)
    return [{ label: t.calls.record, icon: 'mic', disabled: !may, run: () => act({ do: 'recording.start', ...talk }) }];
  return [
    state.isRecordingPaused
      ? {
          label: t.calls.recordAgain,
          icon: 'play',
          disabled: !may,
          run: () => act({ do: 'recording.resume', ...talk }),
        }
      : {
          label: t.calls.pauseRecording,
          icon: 'pause',
          disabled: !may,
          run: () => act({ do: 'recording.pause', ...talk }),
        },
    { label: t.calls.stopRecording, icon: 'stop', disabled: !may, run: () => act({ do: 'recording.stop', ...talk }) },
  ];
}
