/** Key `/` asks for the search field, wherever it stands. */
class SearchField {
  asked = $state(0);
  ask(): void {
    this.asked += 1;
  }
}

export const searchField = new SearchField();
