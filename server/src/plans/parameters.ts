import { DispatchError } from '#kernel/errors.ts';
import { nearest } from './names.ts';
import type { Plan, PlanParameter } from './plan.ts';
import type { Parameters, ParameterValue, StepDirectory } from './step.ts';

/**
 * The parameters of a run: what was given over what the plan has as default.
 *
 * @throws DispatchError REQUEST_MALFORMED when one is unknown, missing, of another type, or names nothing of the site
 */
export function parametersFor(plan: Plan, given: Parameters, directory: StepDirectory): Parameters {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(plan.parameters, name)) continue;
    const near = nearest(
      name,
      Object.keys(plan.parameters).map((known) => [known] as const),
    );
    throw malformed(`the plan ${plan.id} has no parameter “${name}”${near ? `; did you mean “${near}”?` : ''}`);
  }
  const values = Object.entries(plan.parameters).flatMap(([name, parameter]) => {
    const value = given[name] ?? parameter.default;
    if (value === undefined) throw malformed(`the parameter “${name}” is missing`);
    const complaint = complaintAbout(value, parameter, directory);
    if (complaint) throw malformed(`the parameter “${name}” ${complaint}`);
    return [[name, value] as const];
  });
  return Object.fromEntries(values);
}

/** The defaults alone: what the pre-flight reckons with. */
export function defaultParameters(plan: Plan): Parameters {
  return Object.fromEntries(
    Object.entries(plan.parameters).flatMap(([name, { default: value }]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );
}

function complaintAbout(value: ParameterValue, { type, choices }: PlanParameter, directory: StepDirectory) {
  if (choices && !choices.includes(value as string)) return `is not one of ${choices.join(', ')}`;
  if (type === 'number') return typeof value === 'number' ? undefined : 'is not a number';
  if (type === 'boolean') return typeof value === 'boolean' ? undefined : 'is not true or false';
  if (typeof value !== 'string') return 'is not text';
  if (value.length > 500) return 'is longer than 500 characters';
  if (type === 'text') return undefined;
  const isKnown =
    type === 'person'
      ? directory.person(value)
      : type === 'group'
        ? directory.group(value.replace(/^group:/, ''))
        : type === 'zone'
          ? directory.zone(value)
          : type === 'channel'
            ? directory.channel(value)
            : directory.gauge(value);
  return isKnown ? undefined : `names no ${type} of the site: “${value}”`;
}

function malformed(detail: string): DispatchError {
  return new DispatchError('REQUEST_MALFORMED', detail);
}
