import { latLngBounds, map as openMap, type LatLngBounds, type Map as LeafletMap } from 'leaflet';
import { mercatorX, mercatorY, metresPerPixel, type Place } from './geometry.ts';

const FARTHEST_ZOOM = 9;
const NEAREST_ZOOM = 19;

/** A box in Mercator units. */
export interface Extent {
  west: number;
  east: number;
  north: number;
  south: number;
}

/** The map's window onto the ground: Leaflet's, made readable for components, which draw anew when it has moved. */
export class MapView {
  readonly map: LeafletMap;
  /** Steps when the zoom, or the origin of layer points, has changed. */
  zoomed = $state(0);
  /** Steps whenever anything has moved. */
  moved = $state(0);
  zoom = $state(0);
  /** Where the pointer is, else the middle. */
  pointer = $state.raw<Place | undefined>();
  #home: LatLngBounds | undefined;
  #homeZoom = 14;
  #extent: Extent | undefined;
  /** Nobody has moved the map yet: a change of its size, or a better idea of home, may still move it. */
  #isUntouched = true;

  constructor(element: HTMLElement, centre: Place, zoom: number) {
    this.#homeZoom = zoom;
    this.map = openMap(element, {
      center: [centre.latitude, centre.longitude],
      zoom,
      minZoom: FARTHEST_ZOOM,
      maxZoom: NEAREST_ZOOM,
      zoomSnap: 0.1,
      zoomDelta: 0.6,
      wheelPxPerZoomLevel: 110,
      wheelDebounceTime: 16,
      // The ground is drawn at any zoom in a few milliseconds: it needs no stretched picture in between.
      zoomAnimation: false,
      fadeAnimation: false,
      markerZoomAnimation: false,
      zoomControl: false,
      attributionControl: false,
      boxZoom: false,
      keyboard: true,
      keyboardPanDelta: 120,
    });
    this.zoom = this.map.getZoom();
    this.map.on('zoom viewreset resize', () => {
      this.zoomed += 1;
      this.zoom = this.map.getZoom();
    });
    this.map.on('move zoom viewreset resize', () => {
      this.moved += 1;
    });
    this.map.on('mousemove', ({ latlng }) => {
      this.pointer = { latitude: latlng.lat, longitude: latlng.lng };
    });
    this.map.on('mouseout', () => {
      this.pointer = undefined;
    });
    this.map.on('dragstart', () => this.#touch());
    element.addEventListener('wheel', () => this.#touch(), { passive: true });
  }

  /** The first view and the key "whole": the site's centre in the middle, everything that the site has around it. */
  setHome(centre: Place, places: readonly Place[], zoom: number, extent?: Extent): void {
    this.#homeZoom = zoom;
    this.#extent = extent;
    const mirrored = places.map(({ latitude, longitude }) => ({
      latitude: 2 * centre.latitude - latitude,
      longitude: 2 * centre.longitude - longitude,
    }));
    this.#home = boundsOf([centre, ...places, ...mirrored]);
    if (this.#isUntouched) this.goHome();
  }

  goHome(): void {
    if (!this.#home) return;
    const fitting = this.map.getBoundsZoom(this.#home.pad(0.02));
    // A little closer than everything, when that spares the view the bare edge of the ground.
    const covering = Math.min(this.#coveringZoom(), fitting + 0.25);
    const zoom = Math.max(FARTHEST_ZOOM, Math.min(Math.max(fitting, covering), this.#homeZoom + 0.6));
    this.map.setView(this.#home.getCenter(), zoom, { animate: false });
    this.#isUntouched = true;
  }

  lookAt(place: Place, zoom = Math.max(this.map.getZoom(), 15.5)): void {
    this.#touch();
    this.map.setView([place.latitude, place.longitude], zoom, { animate: false });
  }

  fit(places: readonly Place[]): void {
    if (places.length === 0) return;
    this.#touch();
    this.map.fitBounds(boundsOf(places).pad(0.15), { maxZoom: 16.5, animate: false });
  }

  zoomBy(steps: number): void {
    this.#touch();
    this.map.setZoom(this.map.getZoom() + steps, { animate: false });
  }

  /** The element has another size now. */
  resized(): void {
    this.map.invalidateSize({ animate: false, pan: false });
    if (this.#isUntouched) this.goHome();
  }

  /** In the pane that moves with the ground: changes with the zoom only. */
  layerPoint(place: Place): { x: number; y: number } {
    return this.map.latLngToLayerPoint([place.latitude, place.longitude]);
  }

  /** In the element: changes with every move. */
  containerPoint(place: Place): { x: number; y: number } {
    return this.map.latLngToContainerPoint([place.latitude, place.longitude]);
  }

  metresPerPixel(): number {
    return metresPerPixel(this.map.getCenter().lat, this.map.getZoom());
  }

  centre(): Place {
    const { lat, lng } = this.map.getCenter();
    return { latitude: lat, longitude: lng };
  }

  close(): void {
    this.map.remove();
  }

  /** The zoom at which the ground around home's centre fills the view. */
  #coveringZoom(): number {
    if (!this.#extent || !this.#home) return 0;
    const { lat, lng } = this.#home.getCenter();
    const x = mercatorX(lng);
    const y = mercatorY(lat);
    const { west, east, north, south } = this.#extent;
    const halfWidth = Math.min(x - west, east - x);
    const halfHeight = Math.min(y - north, south - y);
    if (halfWidth <= 0 || halfHeight <= 0) return 0;
    const size = this.map.getSize();
    return Math.log2(Math.max(size.x / (512 * halfWidth), size.y / (512 * halfHeight)));
  }

  #touch(): void {
    this.#isUntouched = false;
  }
}

function boundsOf(places: readonly Place[]): LatLngBounds {
  return latLngBounds(places.map(({ latitude, longitude }) => [latitude, longitude]));
}
