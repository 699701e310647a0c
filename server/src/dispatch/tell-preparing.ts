import type { SfuState } from '#sfu/sfu.ts';
import type { Desk } from './desk.ts';

const MEDIA_WORKER = { zh: '浏览器话机与视频', en: 'Browser phones and video' };

/** Shows on the desks what is still being made ready: today the media worker, which may have to be compiled. */
export function tellPreparing({ sfu, system }: Pick<Desk, 'sfu' | 'system'>): void {
  const tell = (state: SfuState) => {
    const item =
      state.kind === 'ready'
        ? undefined
        : state.kind === 'failed'
          ? { what: MEDIA_WORKER, detail: state.why }
          : {
              what: MEDIA_WORKER,
              detail: state.step,
              ...(state.total === undefined ? {} : { done: state.done ?? 0, total: state.total }),
            };
    system.preparing(item, MEDIA_WORKER.zh);
  };
  tell(sfu.state);
  sfu.on('state', tell);
}
