/** How the seat's browser phone stands. */
export type Registration = 'off' | 'registering' | 'ready' | 'lost' | 'no-microphone';

class Phone {
  registration = $state<Registration>('off');

  get isReady(): boolean {
    return this.registration === 'ready';
  }

  /** The key of the word in the header. */
  get headline(): 'phoneReady' | 'phoneRegistering' | 'phoneLost' | 'phoneOff' | 'phoneTrouble' {
    switch (this.registration) {
      case 'ready':
        return 'phoneReady';
      case 'registering':
        return 'phoneRegistering';
      case 'lost':
        return 'phoneLost';
      case 'no-microphone':
        return 'phoneTrouble';
      case 'off':
        return 'phoneOff';
    }
  }
}

export const phone = new Phone();
