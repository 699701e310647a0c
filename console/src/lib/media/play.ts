/** Shows or sounds a stream in an element, and the next one in its place: `use:play={stream}`. */
export function play(element: HTMLMediaElement, source: MediaStream | undefined) {
  const update = (next: MediaStream | undefined) => {
    if (element.srcObject === (next ?? null)) return;
    element.srcObject = next ?? null;
    if (next) void element.play().catch(() => undefined);
  };
  update(source);
  return { update };
}
