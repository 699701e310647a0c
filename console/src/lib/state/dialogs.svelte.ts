/** The one question on the screen. Keys and buttons open it, `DeskDialogs` draws it. */
export type OpenDialog =
  | { kind: 'text'; people?: string[] }
  | { kind: 'page'; zones: string[] }
  | { kind: 'add'; conference: string | undefined }
  | { kind: 'end-conference'; conference: string }
  | { kind: 'transfer'; call: string; who: string }
  | { kind: 'third'; call: string; who: string }
  | { kind: 'order' }
  | { kind: 'incident' }
  | { kind: 'help' };

class Dialogs {
  open = $state.raw<OpenDialog | undefined>();

  show(dialog: OpenDialog): void {
    this.open = dialog;
  }

  close(): void {
    this.open = undefined;
  }
}

export const dialogs = new Dialogs();
