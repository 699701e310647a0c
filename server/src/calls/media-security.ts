import type { Account } from '@tocsin/protocol/directory.ts';
import type { SrtpMode } from '#sdp/crypto.ts';
import type { TransportKind } from '#sip/transport/flow.ts';

/**
 * Whether a leg's sound is secured by SDES. The keys stand in the signalling, so by default they are told over TLS only
 * (RFC 4568 §8.2). 'needs-tls': it must be secured, and may not. A browser's sound is secured by DTLS whatever stands here.
 */
export function srtpFor(
  account: Pick<Account, 'srtp' | 'srtpWithoutTls'> | undefined,
  transport: TransportKind,
): SrtpMode | 'needs-tls' {
  const mode = account ? (account.srtp ?? 'offered') : 'off';
  if (mode === 'off' || transport === 'ws') return 'off';
  if (transport === 'tls' || account?.srtpWithoutTls) return mode;
  return mode === 'required' ? 'needs-tls' : 'off';
}
