/** The site's base map: read once, kept as long as the page. Null when the site has none. */
class GroundFile {
  geoJson = $state.raw<unknown>();
  #reading = false;

  async read(): Promise<void> {
    if (this.#reading || this.geoJson) return;
    this.#reading = true;
    try {
      const response = await fetch('/api/site/base-map');
      this.geoJson = response.ok ? await response.json() : null;
    } catch {
      this.geoJson = null;
    }
    this.#reading = false;
  }
}

export const ground = new GroundFile();
