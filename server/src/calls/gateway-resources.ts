import type { GatewayCommand, GatewayOnline, GatewayResource } from '@tocsin/protocol/gateway.ts';
import { Emitter } from '#kernel/emitter.ts';

/** A command without its id, which the resources give it. */
export type NewGatewayCommand = GatewayCommand extends infer Each
  ? Each extends { command: string }
    ? Omit<Each, 'command'>
    : never
  : never;

export interface GatewayState {
  id: string;
  kind: GatewayOnline['kind'];
  isOnline: boolean;
  since: number;
  linkQualityPercent?: number;
  bearer?: GatewayOnline['bearer'];
  resources: GatewayResource[];
}

/**
 * What the gateways have announced: which of them are there, and under which SIP address each zone and channel answers.
 * A gateway that is offline keeps its list, so that the desk can say what is missing.
 */
export class GatewayResources extends Emitter<{ changed: [gateway: GatewayState]; gone: [gateway: GatewayState] }> {
  readonly #gateways: Map<string, GatewayState>;

  /** `expected`: gateways that the site's resources are behind; until they come they are missing, not unknown. */
  constructor(expected: Pick<GatewayState, 'id' | 'kind'>[], since: number) {
    super();
    this.#gateways = new Map(expected.map(({ id, kind }) => [id, { id, kind, isOnline: false, since, resources: [] }]));
  }

  /** A gateway has come, has gone (its last will), or tells its state again. */
  announce(id: string, online: GatewayOnline, at: number): void {
    const before = this.#gateways.get(id);
    const state: GatewayState = {
      id,
      kind: online.kind,
      isOnline: online.online,
      since: before?.isOnline === online.online ? before.since : at,
      ...(online.linkQualityPercent === undefined ? {} : { linkQualityPercent: online.linkQualityPercent }),
      ...(online.bearer ? { bearer: online.bearer } : {}),
      resources: online.resources ?? before?.resources ?? [],
    };
    this.#gateways.set(id, state);
    this.emit('changed', state);
    if (before?.isOnline && !online.online) this.emit('gone', state);
  }

  /** One resource of a gateway has changed. */
  update(id: string, resource: GatewayResource): void {
    const gateway = this.#gateways.get(id);
    if (!gateway) return;
    gateway.resources = [...gateway.resources.filter((each) => each.id !== resource.id), resource];
    this.emit('changed', gateway);
  }

  gateway(id: string): GatewayState | undefined {
    return this.#gateways.get(id);
  }

  gateways(): GatewayState[] {
    return [...this.#gateways.values()];
  }

  /** The SIP address of a resource that can be called now. */
  address(gateway: string, resource: string): string | undefined {
    const state = this.#gateways.get(gateway);
    const found = state?.isOnline ? state.resources.find((each) => each.id === resource) : undefined;
    return found && found.state !== 'down' ? found.sip : undefined;
  }
}
