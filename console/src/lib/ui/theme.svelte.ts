export type Theme = 'dark' | 'light';
const REMEMBERED_AS = 'tocsin.theme';

class ThemeChoice {
  current = $state<Theme>(remembered());

  choose(theme: Theme): void {
    this.current = theme;
    this.apply();
    try {
      localStorage.setItem(REMEMBERED_AS, theme);
    } catch {
      // The theme lasts as long as the page.
    }
  }

  apply(): void {
    document.documentElement.dataset['theme'] = this.current;
  }

  other(): Theme {
    return this.current === 'dark' ? 'light' : 'dark';
  }
}

export const theme = new ThemeChoice();

function remembered(): Theme {
  try {
    return localStorage.getItem(REMEMBERED_AS) === 'light' ? 'light' : 'dark';
  } catch {
    return 'dark';
  }
}
