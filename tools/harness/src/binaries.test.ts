import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEtcd, findEtcdctl } from './binaries.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kontiki-binaries-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o755);
  return file;
}

describe('findEtcd', () => {
  it('prefers the path it was given, then the variable', () => {
    const given = program('given', 'etcd');
    const named = program('named', 'etcd');
    expect(findEtcd(given, { KONTIKI_ETCD: named })).toBe(given);
    expect(findEtcd(undefined, { KONTIKI_ETCD: named })).toBe(named);
  });

  it('refuses a wrong path instead of taking another etcd', () => {
    expect(() => findEtcd(join(folder, 'nothing'), {})).toThrow(/no executable etcd/);
    expect(() => findEtcd(undefined, { KONTIKI_ETCD: `${folder}/nothing` })).toThrow(/no executable etcd/);
  });

  it('takes etcdctl from beside etcd', () => {
    const etcd = program('bin', 'etcd');
    const etcdctl = program('bin', 'etcdctl');
    expect(findEtcdctl(etcd, {})).toBe(etcdctl);
  });
});
