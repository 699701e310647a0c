import type { GatewayView } from '@tocsin/protocol/views.ts';
import type { GatewayState } from '#calls/gateway-resources.ts';
import type { Desk } from '#dispatch/desk.ts';
import { faultsOf } from '#dispatch/inject-fault.ts';
import type { NounDoor } from '../noun-door.ts';

export const gateways: NounDoor<'gateways'> = {
  noun: 'gateways',
  all: (desk) => desk.resources.gateways().map((gateway) => viewOf(gateway, desk)),
  watch(desk, changed) {
    desk.resources.on('changed', (gateway) => changed(viewOf(gateway, desk)));
  },
};

function viewOf({ resources, ...gateway }: GatewayState, desk: Desk): GatewayView {
  return { ...gateway, resources: [...resources], faults: faultsOf(gateway.id, desk) };
}
