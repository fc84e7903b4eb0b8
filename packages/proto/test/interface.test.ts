import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { expect, it } from 'vitest';
import type { ServiceDefinition } from '../src/index.js';
import * as proto from '../src/index.js';
import { longKind, messages, root, unionOf } from './support/schema.js';

const sections = readFileSync(new URL('interface.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split(/\n\n# \w+\n/)
  .slice(1);

it('has every message, and every field with the number and type etcd gives it', () => {
  const described = messages.map(({ name, type }) => [name, ...type.fieldsArray.map(describeField)]);
  expect(sorted(described)).toBe(sections[0]);
});

it('has every enum with its values', () => {
  const described = enumsIn(root).map(({ fullName, values }) => [
    fullName.slice(1),
    ...Object.entries(values).map(([name, value]) => `  ${name} ${value}`),
  ]);
  expect(sorted(described)).toBe(sections[1]);
});

it('generates every enum value', () => {
  for (const { parent, name, values } of enumsIn(root)) {
    const owner = parent instanceof protobuf.Type ? `${parent.name}_` : '';
    const generated = Object.values(proto)
      .map((namespace) => (namespace as Record<string, unknown>)[owner + name])
      .find((value) => value !== undefined);
    expect(generated, name).toEqual(values);
  }
});

it('defines every method with its path, its messages and its streams', () => {
  const services = Object.values(proto)
    .flatMap((namespace) => Object.entries(namespace as object))
    .filter(([name]) => name.endsWith('Definition'))
    .map(([, definition]) => definition as ServiceDefinition);
  const described = services.flatMap(({ fullName, methods }) =>
    Object.entries(methods).map(([name, method]) => {
      expect(name).toBe(method.name[0]?.toLowerCase() + method.name.slice(1));
      expect(method.path).toBe(`/${fullName}/${method.name}`);
      const request = (method.requestStream ? 'stream ' : '') + nameOf(method.requestType);
      const response = (method.responseStream ? 'stream ' : '') + nameOf(method.responseType);
      return `${method.path} ${request} -> ${response}`;
    }),
  );
  expect(described.sort()).toEqual(sections[2]?.split('\n').sort());
});

function describeField(field: protobuf.Field): string {
  field.resolve();
  const union = unionOf(field);
  return [
    `  ${field.id} ${field.name}`,
    union && `oneof ${union.name}`,
    field.partOf && !union && 'optional',
    field.repeated && 'repeated',
    field.resolvedType ? field.resolvedType.fullName.slice(1) : field.type,
    longKind(field) === 'number' && 'number',
  ]
    .filter(Boolean)
    .join(' ');
}

function sorted(described: readonly (readonly string[])[]): string {
  return [...described]
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
    .map((lines) => lines.join('\n'))
    .join('\n');
}

function enumsIn(namespace: protobuf.NamespaceBase): protobuf.Enum[] {
  return namespace.nestedArray.flatMap((nested) => [
    ...(nested instanceof protobuf.Enum ? [nested] : []),
    ...(nested instanceof protobuf.Namespace ? enumsIn(nested) : []),
  ]);
}

function nameOf(type: unknown): string {
  return messages.find(({ ours }) => ours === type)?.type.name ?? 'unknown';
}
