import { DomUtil, type Map as LeafletMap } from 'leaflet';

/** One drawing of the map: the canvas's context and how a Mercator unit (0-1) becomes a pixel of it. */
export interface Frame {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
  zoom: number;
  /** Pixels of the whole world at this zoom. */
  world: number;
  left: number;
  top: number;
}

export const frameX = (frame: Frame, mercatorX: number) => mercatorX * frame.world - frame.left;
export const frameY = (frame: Frame, mercatorY: number) => mercatorY * frame.world - frame.top;

/** How far beyond the map's edge is drawn, as a part of its size: so far a hand can drag before anything is drawn anew. */
const BEYOND = 0.3;

/**
 * A canvas that lies in the map's moving pane. Dragging moves it with the pane and costs nothing; it is drawn anew when
 * the zoom changes, when the hand has come near its edge, and when what it shows has changed, at most once a frame.
 */
export class CanvasLayer {
  readonly #map: LeafletMap;
  readonly #canvas = document.createElement('canvas');
  readonly #draw: (frame: Frame) => void;
  #frame = 0;
  #drawnAt: { left: number; top: number; right: number; bottom: number } | undefined;

  constructor(map: LeafletMap, pane: HTMLElement, draw: (frame: Frame) => void) {
    this.#map = map;
    this.#draw = draw;
    this.#canvas.style.position = 'absolute';
    this.#canvas.style.pointerEvents = 'none';
    pane.append(this.#canvas);
    map.on('zoom viewreset resize moveend', this.redraw, this);
    map.on('move', this.#moved, this);
    this.redraw();
  }

  /** Asks for a drawing in the next frame. */
  redraw(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#drawNow();
    });
  }

  remove(): void {
    cancelAnimationFrame(this.#frame);
    this.#map.off('zoom viewreset resize moveend', this.redraw, this);
    this.#map.off('move', this.#moved, this);
    this.#canvas.remove();
  }

  #moved(): void {
    const drawn = this.#drawnAt;
    if (!drawn) return;
    const size = this.#map.getSize();
    const corner = this.#map.containerPointToLayerPoint([0, 0]);
    const isInside =
      corner.x >= drawn.left &&
      corner.y >= drawn.top &&
      corner.x + size.x <= drawn.right &&
      corner.y + size.y <= drawn.bottom;
    if (!isInside) this.redraw();
  }

  #drawNow(): void {
    const map = this.#map;
    const size = map.getSize();
    if (size.x === 0 || size.y === 0) return;
    const beyondX = Math.round(size.x * BEYOND);
    const beyondY = Math.round(size.y * BEYOND);
    const width = size.x + 2 * beyondX;
    const height = size.y + 2 * beyondY;
    const corner = map.containerPointToLayerPoint([-beyondX, -beyondY]).round();
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const canvas = this.#canvas;
    if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    DomUtil.setPosition(canvas, corner);
    this.#drawnAt = { left: corner.x, top: corner.y, right: corner.x + width, bottom: corner.y + height };
    const context = canvas.getContext('2d');
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const origin = map.getPixelOrigin().add(corner);
    const zoom = map.getZoom();
    this.#draw({ context, width, height, zoom, world: 256 * 2 ** zoom, left: origin.x, top: origin.y });
  }
}
