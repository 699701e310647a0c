import type { ICruiseOptions, IForbiddenRuleType } from 'dependency-cruiser';

export declare const LAYERS: string[][];
declare const config: { forbidden: IForbiddenRuleType[]; options: ICruiseOptions };
export default config;
