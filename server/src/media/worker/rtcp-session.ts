import { systemClock } from '#kernel/clock.ts';
import type { Reception } from '../reception.ts';
import { middleNtp, readRtcp, writeReport } from '../rtcp.ts';
import { SRTP_OVERHEAD_BYTES, type SrtpSender } from '../srtp.ts';
import { endpointOf, type Endpoint, type MediaSocket } from './io.ts';

const REPORT_EVERY_MS = 5000;
const BUFFER = new Uint8Array(256 + SRTP_OVERHEAD_BYTES);

/** A leg's RTCP: reports go out every 5 s, what comes in yields loss, jitter and round trip as the far end sees them. */
export class RtcpSession {
  readonly #cname: string;
  readonly findings: {
    roundTripMs: number | undefined;
    remoteLost: number | undefined;
    remoteJitterMs: number | undefined;
  } = { roundTripMs: undefined, remoteLost: undefined, remoteJitterMs: undefined };
  /** The far end sends RTCP on the RTP port, so we do too. */
  isMuxed = false;
  /** Of the RTP clock. */
  unitsPerMs = 8;
  #nextReportMs = 0;
  #packetsAtLastReport = 0;
  #lastSenderReport = 0;
  #lastSenderReportAtMs = 0;
  #endpoint: Endpoint | undefined;

  constructor(cname: string) {
    this.#cname = cname;
  }

  /** `arrivedAtMs` is monotonic: packets may have lain in the kernel for a while. */
  receive(packet: Uint8Array, length: number, ownSsrc: number, isMuxed: boolean, arrivedAtMs: number): void {
    const found = readRtcp(packet, length, ownSsrc);
    if (!found) return;
    this.isMuxed = isMuxed;
    const wallClockMs = systemClock.now() - (systemClock.monotonic() - arrivedAtMs);
    if (found.senderReport !== undefined) {
      this.#lastSenderReport = found.senderReport;
      this.#lastSenderReportAtMs = wallClockMs;
    }
    if (!found.about) return;
    const { lost, jitterUnits, lastSenderReport, delayUnits } = found.about;
    this.findings.remoteLost = lost;
    this.findings.remoteJitterMs = jitterUnits / this.unitsPerMs;
    if (lastSenderReport === 0) return;
    const units = (middleNtp(wallClockMs) - lastSenderReport - delayUnits) | 0;
    if (units >= 0) this.findings.roundTripMs = (units * 1000) / 65_536;
  }

  tend(
    nowMs: number,
    socket: MediaSocket,
    host: string,
    port: number,
    sent: {
      ssrc: number;
      timestamp: number;
      packets: number;
      octets: number;
      reception: Reception;
      srtp: SrtpSender | undefined;
    },
  ): void {
    if (this.#nextReportMs === 0) this.#nextReportMs = nowMs + REPORT_EVERY_MS / 2;
    if (nowMs < this.#nextReportMs) return;
    this.#nextReportMs = nowMs + REPORT_EVERY_MS;
    if (this.#endpoint?.port !== port || this.#endpoint.host !== host) this.#endpoint = endpointOf(host, port);
    const { ssrc, timestamp, packets, octets, reception, srtp } = sent;
    const wallClockMs = systemClock.now();
    const length = writeReport(BUFFER, {
      ssrc,
      cname: this.#cname,
      ...(packets !== this.#packetsAtLastReport && { sender: { wallClockMs, timestamp, packets, octets } }),
      ...(reception.ssrc !== undefined && {
        reception: {
          ssrc: reception.ssrc,
          fractionLost: reception.takeFractionLost(),
          lost: reception.lost,
          extendedSequence: reception.extendedSequence,
          jitterUnits: reception.jitterUnits,
          lastSenderReport: this.#lastSenderReport,
          delaySinceLastSenderReportMs: wallClockMs - this.#lastSenderReportAtMs,
        },
      }),
    });
    this.#packetsAtLastReport = packets;
    socket.send(BUFFER, srtp?.protectRtcp(BUFFER, length) ?? length, this.#endpoint);
  }
}
