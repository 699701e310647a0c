/**
 * A remote site's own process, run inside a network namespace: the devices' broker, and on request a device that cries for help.
 * IPC: `{kind: 'cry', device, body}`; it says `{kind: 'ready', port}` when it listens.
 */
import { openTestBroker } from '../../gateways/kit/test-broker.ts';

const broker = await openTestBroker('remote');
process.on('message', (message: { kind: 'cry'; device: string; body: object }) => {
  void broker.publish(`site/${message.device}`, message.body);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ kind: 'ready', port: broker.port });
