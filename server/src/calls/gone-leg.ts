import type { BridgeNode } from '#media/bridge.ts';
import type { Party } from './leg.ts';
import { LegBase } from './leg-base.ts';

/** The leg of somebody who had hung up before a restart, where what goes on still asks who he was. */
export class GoneLeg extends LegBase {
  readonly node: BridgeNode;

  constructor(id: string, party: Party) {
    super(id, 'inbound', party);
    this.node = { id: `gone ${id}` };
    this.endedByPeer('parked');
  }

  async sendDigits(): Promise<void> {}

  protected async release(): Promise<void> {}

  protected async free(): Promise<void> {}
}
