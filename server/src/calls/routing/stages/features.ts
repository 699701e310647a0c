import type { RoutingStage } from '../routing.ts';
import { featureOf } from '../../feature-codes.ts';

/** Codes that phones of ours dial to use the exchange; nobody else may. */
export const features: RoutingStage = {
  id: 'features',
  name: { zh: '功能码', en: 'Feature codes' },
  look({ called, account }, { site }) {
    const wanted = account === undefined ? undefined : featureOf(called, site.features);
    return (
      wanted && {
        kind: 'leads',
        to: { kind: 'feature', ...wanted },
        said: { zh: `${called} 是功能码（${wanted.feature}）`, en: `${called} is a feature code (${wanted.feature})` },
      }
    );
  },
};
