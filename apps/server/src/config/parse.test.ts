import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FlagName } from './flags.js';
import type { ServerOptions } from './options.js';
import { type CommandLineOutcome, type Environment, parseCommandLine, type Warning } from './parse.js';

const RUNTIME = { version: 'v20.0.0', platform: 'linux', arch: 'x64' };

function parse(argv: readonly string[], env: Environment = {}, files: Record<string, string> = {}): CommandLineOutcome {
  const readFile = (path: string): string => {
    const content = files[path];
    if (content === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
    return content;
  };
  return parseCommandLine(argv, env, readFile, RUNTIME);
}

function options(argv: readonly string[], env: Environment = {}, files: Record<string, string> = {}): ServerOptions {
  const outcome = parse(argv, env, files);
  if (outcome.kind !== 'run') throw new Error(`expected options, got ${JSON.stringify(outcome)}`);
  return outcome.options;
}

function warnings(
  argv: readonly string[],
  env: Environment = {},
  files: Record<string, string> = {},
): readonly Warning[] {
  const outcome = parse(argv, env, files);
  if (outcome.kind !== 'run') throw new Error(`expected options, got ${JSON.stringify(outcome)}`);
  return outcome.warnings;
}

function message(argv: readonly string[], env: Environment = {}, files: Record<string, string> = {}): string {
  const outcome = parse(argv, env, files);
  return outcome.kind === 'fail' ? outcome.message : `not a failure: ${outcome.kind}`;
}

describe('defaults', () => {
  it('are those of etcd 3.6', () => {
    expect(options([])).toEqual({
      member: {
        name: 'default',
        dataDirectory: 'default.etcd',
        walDirectory: undefined,
        sync: true,
        heartbeatMs: 100,
        electionMs: 1000,
        initialElectionTickAdvance: true,
        preVote: true,
        snapshotEveryEntries: 10_000,
        snapshotCatchUpEntries: 5000,
        maxWalFiles: 5,
        raftReadTimeoutMs: 5000,
        raftWriteTimeoutMs: 5000,
      },
      listening: {
        peerUrls: [{ kind: 'tcp', scheme: 'http', host: 'localhost', port: 2380, text: 'http://localhost:2380' }],
        clientUrls: [{ kind: 'tcp', scheme: 'http', host: 'localhost', port: 2379, text: 'http://localhost:2379' }],
        clientHttpUrls: [],
        metricsUrls: [],
        corsOrigins: undefined,
        hostWhitelist: undefined,
      },
      advertise: { peerUrls: ['http://localhost:2380'], clientUrls: ['http://localhost:2379'] },
      clustering: {
        initialCluster: 'default=http://localhost:2380',
        initialClusterState: 'new',
        initialClusterToken: 'etcd-cluster',
        strictReconfigCheck: true,
        maxLearners: 1,
        forceNewCluster: false,
      },
      logging: { level: 'info', format: 'json', outputs: [{ kind: 'stderr' }], rotation: undefined },
      limits: {
        quotaBackendBytes: 2_147_483_648,
        maxTxnOps: 128,
        maxRequestBytes: 1_572_864,
        maxConcurrentStreams: 4_294_967_295,
        grpcKeepAlive: { intervalMs: 7_200_000, timeoutMs: 20_000 },
        grpcMinPingIntervalMs: 5000,
        requestTimeoutMs: 7000,
        minLeaseTtlSeconds: 2,
      },
      leases: { checkpoint: false, checkpointPersist: false },
      compaction: { policy: { mode: 'off' }, batchLimit: 1000, pauseMs: 10 },
      tuning: {
        backendBatchIntervalMs: 100,
        backendBatchLimit: 10_000,
        watchProgressNotifyIntervalMs: 600_000,
        warningApplyDurationMs: 100,
        warningUnaryRequestDurationMs: 300,
        bootstrapDefragThresholdMegabytes: 0,
        initialCorruptCheck: false,
        corruptCheckIntervalMs: 0,
        compactHashCheck: false,
        compactHashCheckIntervalMs: 60_000,
      },
      metrics: { extensive: false },
      featureGates: new Map([
        ['StopGRPCServiceOnDefrag', false],
        ['InitialCorruptCheck', false],
        ['CompactHashCheck', false],
        ['TxnModeWriteWithSharedBuffer', true],
        ['LeaseCheckpoint', false],
        ['LeaseCheckpointPersist', false],
        ['SetMemberLocalAddr', false],
      ]),
    });
    expect(warnings([])).toEqual([]);
  });

  it('follow the name', () => {
    const { member, clustering } = options(['--name', 'n1', '--initial-advertise-peer-urls', 'http://10.0.0.1:2380']);
    expect(member.dataDirectory).toBe('n1.etcd');
    expect(clustering.initialCluster).toBe('n1=http://10.0.0.1:2380');
  });
});

describe('the command line', () => {
  it('takes one dash or two, a value behind = or as the next word', () => {
    for (const argv of [['-name=a'], ['--name=a'], ['-name', 'a'], ['--name', 'a'], ['--name', 'b', '--name', 'a']]) {
      expect(options(argv).member.name).toBe('a');
    }
    expect(options(['--name', '--data-dir']).member.name).toBe('--data-dir');
    expect(options(['--name=a=b']).member.name).toBe('a=b');
    expect(options(['--name=']).member.name).toBe('');
  });

  it('takes the value of a boolean behind = alone', () => {
    expect(options(['--pre-vote=f']).member.preVote).toBe(false);
    expect(options(['--unsafe-no-fsync']).member.sync).toBe(false);
    expect(message(['--pre-vote', 'false'])).toBe(
      "'false' is not a valid flag: a boolean takes its value behind =, as in --pre-vote=false",
    );
  });

  it.each([
    [['5'], "'5' is not a valid flag"],
    [['--name', 'a', '--', 'x'], "'x' is not a valid flag"],
    [['-'], "'-' is not a valid flag"],
    [['gateway', 'start'], "'gateway' is not a valid flag: Kontiki has no sub-program gateway"],
    [['---name'], 'bad flag syntax: ---name'],
    [['--=x'], 'bad flag syntax: --=x'],
    [['--name'], 'flag needs an argument: -name'],
    [['--data-dri', 'x'], 'flag provided but not defined: -data-dri (did you mean --data-dir?)'],
    [['--zzzzzz'], 'flag provided but not defined: -zzzzzz (see --help)'],
    [['--enable-v2'], 'flag provided but not defined: -enable-v2 (etcd removed it in 3.6)'],
    [
      ['--snapshot-count', 'abc'],
      'invalid value "abc" for flag -snapshot-count: expected a whole number of at least 1',
    ],
    [
      ['--max-concurrent-streams', '4294967296'],
      'invalid value "4294967296" for flag -max-concurrent-streams: value out of range, expected a whole number from 1 to 4294967295',
    ],
    [['--pre-vote=maybe'], 'invalid value "maybe" for flag -pre-vote: expected true or false'],
    [
      ['--grpc-keepalive-interval', '5'],
      'invalid value "5" for flag -grpc-keepalive-interval: expected a duration with a unit, such as 300ms, 5s or 1h30m',
    ],
    [
      ['--initial-cluster-state', 'old'],
      'invalid value "old" for flag -initial-cluster-state: expected new or existing',
    ],
    [
      ['--listen-client-urls', '127.0.0.1:2379'],
      'invalid value "127.0.0.1:2379" for flag -listen-client-urls: URL scheme must be http, https, unix, or unixs: 127.0.0.1:2379',
    ],
    [
      ['--listen-client-urls', 'http://127.0.0.1'],
      'invalid value "http://127.0.0.1" for flag -listen-client-urls: URL address does not have the form "host:port": http://127.0.0.1',
    ],
    [
      ['--listen-client-urls', 'http://127.0.0.1:65536'],
      'invalid value "http://127.0.0.1:65536" for flag -listen-client-urls: URL address does not have the form "host:port": http://127.0.0.1:65536',
    ],
    [
      ['--listen-client-urls', 'http://127.0.0.1:1/x'],
      'invalid value "http://127.0.0.1:1/x" for flag -listen-client-urls: URL must not contain a path: http://127.0.0.1:1/x',
    ],
    [
      ['--log-level', 'loud'],
      'invalid value "loud" for flag -log-level: expected debug or info or warn or error or panic or fatal',
    ],
    [
      ['--name', 'a\nb', '--max-txn-ops', 'x\ny'],
      'invalid value "x\\ny" for flag -max-txn-ops: expected a whole number of at least 0',
    ],
  ])('answers %j with one line', (argv, expected) => {
    expect(message(argv)).toBe(expected);
  });

  it('prints help and the version before it looks at anything else behind them', () => {
    for (const argv of [['--help'], ['-h'], ['--name', 'x', '-help', '--nonsense']]) {
      expect(parse(argv).kind).toBe('print');
    }
    expect(parse(['--version', '--heartbeat-interval=0'])).toEqual({
      kind: 'print',
      text: expect.stringMatching(
        /^etcd Version: 3\.6\.14\nGit SHA: .*\nGo Version: .*v20\.0\.0\)\nGo OS\/Arch: linux\/amd64\nKontiki Version: \d+\.\d+\.\d+\n$/,
      ),
    });
    expect(options(['--version=false']).member.name).toBe('default');
  });

  it('names every flag in the help', () => {
    const help = parse(['--help']);
    expect(help).toMatchObject({ text: expect.stringContaining("  --snapshot-count '10000'\n") });
    expect(help).toMatchObject({ text: expect.stringContaining(' --cert-file') });
  });

  it('passes over what etcd ignores, with a word in the log', () => {
    expect(warnings(['--snapshot=5', '--vv'])).toEqual([
      { message: 'flag is no longer supported, ignoring it', fields: { flag: 'snapshot' } },
      { message: 'flag is no longer supported, ignoring it', fields: { flag: 'vv' } },
    ]);
  });
});

describe('what is not built yet', () => {
  it.each([
    [['--cert-file', 'x.pem'], '--cert-file is not supported yet by Kontiki (TLS is not built yet)'],
    [['--auto-tls'], '--auto-tls is not supported yet by Kontiki (TLS is not built yet)'],
    [
      ['--auth-token', 'jwt,pub-key=a'],
      '--auth-token is not supported yet by Kontiki (users and tokens are not built yet)',
    ],
    [
      ['--experimental-memory-mlock'],
      '--experimental-memory-mlock is not supported yet by Kontiki (the database is not mapped into memory, so nothing can be locked there)',
    ],
    [
      ['--feature-gates=SetMemberLocalAddr=true'],
      '--feature-gates=SetMemberLocalAddr=true: SetMemberLocalAddr=true is not supported yet by Kontiki',
    ],
    [
      ['--feature-gates=AllAlpha=true,LeaseCheckpoint=false,LeaseCheckpointPersist=false'],
      '--feature-gates=AllAlpha=true: StopGRPCServiceOnDefrag=true is not supported yet by Kontiki',
    ],
    [
      ['--listen-client-urls=https://127.0.0.1:1', '--advertise-client-urls=https://a:1'],
      '--listen-client-urls=https://127.0.0.1:1 is not supported yet by Kontiki (TLS is not built yet)',
    ],
    [
      ['--log-outputs=systemd/journal'],
      '--log-outputs=systemd/journal is not supported by Kontiki: under systemd, stderr is the journal',
    ],
  ])('is refused, never ignored: %j', (argv, expected) => {
    expect(message(argv)).toBe(expected);
  });

  it('is accepted at its default, however that is written', () => {
    const argv = [
      '--cert-file=',
      '--client-cert-auth=F',
      '--bcrypt-cost=0xa',
      '--discovery-dial-timeout=2000ms',
      '--auth-token=simple',
    ];
    expect(options(argv)).toEqual(options([]));
  });

  it('says which variable or key asked for it', () => {
    expect(message([], { ETCD_CERT_FILE: 'x' })).toBe(
      'ETCD_CERT_FILE: --cert-file is not supported yet by Kontiki (TLS is not built yet)',
    );
    const yaml = 'client-transport-security:\n  cert-file: x\n';
    expect(message(['--config-file', 'c.yml'], {}, { 'c.yml': yaml })).toBe(
      '"client-transport-security.cert-file" in c.yml:2: --cert-file is not supported yet by Kontiki (TLS is not built yet)',
    );
  });
});

describe('the environment', () => {
  it('gives what the command line does not, under either prefix', () => {
    expect(options([], { ETCD_SNAPSHOT_COUNT: '5' }).member.snapshotEveryEntries).toBe(5);
    expect(options([], { KONTIKI_SNAPSHOT_COUNT: '5' }).member.snapshotEveryEntries).toBe(5);
    expect(options([], { ETCD_NAME: 'a', KONTIKI_NAME: 'a' }).member.name).toBe('a');
    expect(options([], { ETCD_NAME: '' }).member.name).toBe('default');
  });

  it('must not contradict the command line, nor itself', () => {
    const conflict =
      'conflicting environment variable ETCD_NAME is shadowed by corresponding command-line flag --name (either unset environment variable or disable flag)';
    expect(message(['--name=a'], { ETCD_NAME: 'a' })).toBe(conflict);
    expect(message(['--name=a'], { KONTIKI_NAME: 'b' })).toBe(conflict.replace('ETCD', 'KONTIKI'));
    expect(message([], { ETCD_NAME: 'a', KONTIKI_NAME: 'b' })).toBe(
      'ETCD_NAME and KONTIKI_NAME are both set and differ: unset one of them',
    );
    expect(message([], { ETCD_PRE_VOTE: 'maybe' })).toBe(
      'invalid value "maybe" for ETCD_PRE_VOTE: expected true or false',
    );
  });

  it('is told about variables nobody reads, never their values', () => {
    expect(warnings([], { ETCD_SECRET: 'x', KONTIKI_SNAPSHOT_CUONT: '1', ETCDCTL_API: '3', HOME: '/' })).toEqual([
      { message: 'unrecognized environment variable', fields: { 'environment-variable': 'ETCD_SECRET' } },
      {
        message: 'unrecognized environment variable',
        fields: { 'environment-variable': 'KONTIKI_SNAPSHOT_CUONT', 'did-you-mean': 'KONTIKI_SNAPSHOT_COUNT' },
      },
    ]);
  });
});

describe('a cluster', () => {
  it('has rules for its changes', () => {
    const given = options(['--strict-reconfig-check=false', '--max-learners=0', '--force-new-cluster']);
    expect(given.clustering).toMatchObject({ strictReconfigCheck: false, maxLearners: 0, forceNewCluster: true });
    expect(message(['--max-learners=-1'])).toBe(
      'invalid value "-1" for flag -max-learners: value out of range, expected a whole number of at least 0',
    );
  });

  it('waits for a slow member no less than five seconds', () => {
    const given = options(['--raft-read-timeout=1s', '--raft-write-timeout=7s']);
    expect(given.member).toMatchObject({ raftReadTimeoutMs: 5000, raftWriteTimeoutMs: 7000 });
    expect(options(['--raft-read-timeout=6s', '--raft-write-timeout=0s']).member).toMatchObject({
      raftReadTimeoutMs: 6000,
      raftWriteTimeoutMs: 5000,
    });
  });

  it('checks its data and checkpoints its leases where the gates say so', () => {
    const gates = 'LeaseCheckpoint=true,LeaseCheckpointPersist=true,InitialCorruptCheck=true,CompactHashCheck=true';
    const { leases, tuning } = options([`--feature-gates=${gates}`]);
    expect(leases).toEqual({ checkpoint: true, checkpointPersist: true });
    expect(tuning).toMatchObject({ initialCorruptCheck: true, compactHashCheck: true });
    const old = options(['--experimental-enable-lease-checkpoint', '--experimental-compact-hash-check-enabled']);
    expect(old.leases).toEqual({ checkpoint: true, checkpointPersist: false });
    expect(old.tuning).toMatchObject({ initialCorruptCheck: false, compactHashCheck: true });
  });
});

describe('old names', () => {
  it('set the flag of today, with a word in the log', () => {
    const argv = ['--experimental-watch-progress-notify-interval=5s', '--experimental-initial-corrupt-check=true'];
    expect(options(argv).tuning.watchProgressNotifyIntervalMs).toBe(5000);
    expect(options(argv).featureGates.get('InitialCorruptCheck')).toBe(true);
    expect(warnings(argv).map(({ message: text }) => text)).toEqual([
      '--experimental-watch-progress-notify-interval is an old name, use --watch-progress-notify-interval',
      '--experimental-initial-corrupt-check is an old name, use --feature-gates=InitialCorruptCheck=true',
    ]);
  });

  it('must not be set together with the flag of today, from whatever source', () => {
    const expected =
      'cannot set --experimental-warning-apply-duration and --warning-apply-duration at the same time, please use --warning-apply-duration only';
    expect(message(['--experimental-warning-apply-duration=1s', '--warning-apply-duration=1s'])).toBe(expected);
    expect(message(['--warning-apply-duration=1s'], { ETCD_EXPERIMENTAL_WARNING_APPLY_DURATION: '1s' })).toBe(expected);
    expect(message(['--experimental-initial-corrupt-check', '--feature-gates=InitialCorruptCheck=true'])).toBe(
      'cannot set --experimental-initial-corrupt-check and --feature-gates=InitialCorruptCheck at the same time, please use --feature-gates=InitialCorruptCheck only',
    );
  });
});

describe('flags that do not fit together', () => {
  it.each([
    [['--heartbeat-interval=0'], '--heartbeat-interval must be >0 (set to 0ms)'],
    [
      ['--heartbeat-interval=201'],
      '--election-timeout[1000ms] should be at least as 5 times as --heartbeat-interval[201ms]',
    ],
    [['--election-timeout=0'], '--election-timeout must be >0 (set to 0ms)'],
    [
      ['--election-timeout=200'],
      '--election-timeout[200ms] should be at least as 5 times as --heartbeat-interval[100ms]',
    ],
    [['--election-timeout=60000'], '--election-timeout[60000ms] is too long, and should be set less than 50000ms'],
    [
      ['--listen-client-urls=http://127.0.0.1:1'],
      '--advertise-client-urls is required when --listen-client-urls is set explicitly',
    ],
    [
      ['--listen-client-urls=http://a.b:1', '--advertise-client-urls=http://a:1'],
      'expected IP in URL for binding (http://a.b:1)',
    ],
    [['--listen-peer-urls=http://:1'], 'expected IP in URL for binding (http://:1)'],
    [
      ['--advertise-client-urls=http://:1'],
      '--advertise-client-urls "http://:1" must be "host:port" (unexpected empty host (http://:1))',
    ],
    [
      ['--listen-client-http-urls=http://localhost:2379'],
      'cannot bind both --listen-client-urls and --listen-client-http-urls on the same url http://localhost:2379',
    ],
    [['--listen-peer-urls='], '--listen-peer-urls needs at least one URL'],
    [
      ['--auto-compaction-mode=revision', '--auto-compaction-retention=5m'],
      'invalid value "5m" for --auto-compaction-retention: expected a number of revisions in revision mode',
    ],
    [
      ['--auto-compaction-retention=xx'],
      'invalid value "xx" for --auto-compaction-retention: expected hours, or a duration such as 30m',
    ],
    [['--compact-hash-check-time=0s'], '--compact-hash-check-time must be >0 (set to 0s)'],
    [
      ['--feature-gates=LeaseCheckpointPersist=true'],
      'enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint',
    ],
    [['--log-outputs=default,stdout'], 'multi logoutput for "default" is not supported yet: name stderr instead'],
    [['--log-outputs='], '--log-outputs needs at least one output'],
    [['--enable-log-rotation'], '--enable-log-rotation needs --log-outputs to be a single file path'],
    [
      ['--enable-log-rotation', '--log-outputs=a', '--log-rotation-config-json={'],
      'improperly formatted log rotation config: { is not JSON',
    ],
    [
      ['--enable-log-rotation', '--log-outputs=a', '--log-rotation-config-json={"maxsize":"x"}'],
      'invalid log rotation config: maxsize must be a whole number of at least 0',
    ],
    [['--warning-apply-duration=-1s'], '--warning-apply-duration must not be negative (set to -1s)'],
  ])('%j is refused', (argv, expected) => {
    expect(message(argv)).toBe(expected);
  });
});

describe('meanings', () => {
  it('counts retention in hours, durations or revisions', () => {
    const policy = (...argv: readonly string[]): unknown => options(argv).compaction.policy;
    expect(policy('--auto-compaction-retention=2')).toEqual({ mode: 'periodic', periodMs: 7_200_000 });
    expect(policy('--auto-compaction-retention=90s')).toEqual({ mode: 'periodic', periodMs: 90_000 });
    expect(policy('--auto-compaction-mode=revision', '--auto-compaction-retention=500')).toEqual({
      mode: 'revision',
      revisions: 500,
    });
    expect(policy('--auto-compaction-mode=revision')).toEqual({ mode: 'off' });
  });

  it('reads quota 0 as 2 GiB and a negative one as none', () => {
    expect(options(['--quota-backend-bytes=-1']).limits.quotaBackendBytes).toBeUndefined();
    expect(options(['--quota-backend-bytes', '8589934592']).limits.quotaBackendBytes).toBe(8_589_934_592);
    expect(warnings(['--quota-backend-bytes', '8589934593'])[0]?.message).toBe('quota exceeds the maximum value');
  });

  it('derives request timeout and shortest lease from the election timeout', () => {
    const { requestTimeoutMs, minLeaseTtlSeconds } = options(['--election-timeout=5000']).limits;
    expect([requestTimeoutMs, minLeaseTtlSeconds]).toEqual([15_000, 8]);
  });

  it('sends log lines to several places, each once', () => {
    expect(options(['--log-outputs=stdout,/tmp/x.log,stdout,stderr']).logging.outputs).toEqual([
      { kind: 'stdout' },
      { kind: 'file', path: '/tmp/x.log' },
      { kind: 'stderr' },
    ]);
    expect(
      options(['--enable-log-rotation', '--log-outputs=a', '--log-rotation-config-json={"compress":true}']).logging
        .rotation,
    ).toEqual({
      maxMegabytes: 100,
      maxAgeDays: 0,
      maxBackups: 0,
      localTime: false,
      compress: true,
    });
  });

  it('takes unix sockets, IPv6 and several URLs, sorted', () => {
    const urls = options([
      '--listen-client-urls=unix:///run/k.sock,http://[::1]:2379,http://127.0.0.1:2379,http://[::1]:2379',
      '--advertise-client-urls=http://k:2379',
    ]).listening.clientUrls;
    expect(urls).toEqual([
      { kind: 'tcp', scheme: 'http', host: '127.0.0.1', port: 2379, text: 'http://127.0.0.1:2379' },
      { kind: 'tcp', scheme: 'http', host: '::1', port: 2379, text: 'http://[::1]:2379' },
      { kind: 'unix', scheme: 'unix', path: '/run/k.sock', text: 'unix:///run/k.sock' },
    ]);
  });

  it('warns when plaintext is served beyond this machine', () => {
    const argv = ['--listen-client-urls=http://0.0.0.0:2379', '--advertise-client-urls=http://k:2379'];
    expect(warnings(argv)[0]?.fields).toEqual({ 'listen-client-urls': ['http://0.0.0.0:2379'] });
  });

  it('keeps lists of origins and hosts, with * for all', () => {
    expect(options(['--cors=http://a.com:80', '--host-whitelist=a, b']).listening).toMatchObject({
      corsOrigins: ['http://a.com:80'],
      hostWhitelist: ['a', 'b'],
    });
    expect(options(['--host-whitelist=']).listening.hostWhitelist).toBeUndefined();
    expect(message(['--cors=a.com'])).toContain('URL scheme must be');
  });
});

describe('a configuration file', () => {
  const file = (content: string, argv: readonly string[] = [], env: Environment = {}): CommandLineOutcome =>
    parse(['--config-file', 'c.yml', ...argv], env, { 'c.yml': content });

  it('replaces flags and environment, and says so', () => {
    const outcome = file('name: 007\nlog-outputs: [stdout, x.log]\n', ['--snapshot-count=7'], { ETCD_MAX_WALS: '9' });
    expect(outcome).toMatchObject({
      kind: 'run',
      options: {
        member: { name: '007', snapshotEveryEntries: 10_000, maxWalFiles: 5 },
        logging: { outputs: [{ kind: 'stdout' }, { kind: 'file', path: 'x.log' }] },
      },
      warnings: [{ fields: { path: 'c.yml', ignored: ['--snapshot-count', 'ETCD_MAX_WALS'] } }],
    });
  });

  it('is found through the environment too', () => {
    expect(options([], { KONTIKI_CONFIG_FILE: 'k.yml' }, { 'k.yml': 'name: k' }).member.name).toBe('k');
    expect(message([], { ETCD_CONFIG_FILE: 'none.yml' })).toBe(
      "cannot read the configuration file: ENOENT: no such file or directory, open 'none.yml'",
    );
  });

  it('holds durations as nanoseconds or with a unit, and blocks', () => {
    const content = [
      'warning-apply-duration: 250000000',
      'warning-unary-request-duration: 2s',
      'auto-compaction-retention: 1',
      'wal-dir:',
      'client-transport-security:',
      'peer-transport-security: { cert-file: "", client-cert-auth: false }',
      'socket-options: { reuse-address: true }',
    ].join('\n');
    expect(file(content)).toMatchObject({
      kind: 'run',
      options: {
        tuning: { warningApplyDurationMs: 250, warningUnaryRequestDurationMs: 2000 },
        compaction: { policy: { mode: 'periodic', periodMs: 3_600_000 } },
        member: { walDirectory: undefined },
      },
    });
  });

  it.each([
    ['nmae: x', 'c.yml:1: unknown key "nmae" (did you mean name?)'],
    ['name: a\nname: b', 'c.yml:2: Map keys must be unique'],
    ['name: [a', 'c.yml:1: '],
    ['- a', 'c.yml: expected keys and values'],
    [
      'name: a\n\nsnapshot-count: {x: 1}',
      'invalid value for "snapshot-count" in c.yml:3: expected one value or a list of values',
    ],
    [
      'max-wals: -1',
      'invalid value "-1" for "max-wals" in c.yml:1: value out of range, expected a whole number of at least 0',
    ],
    ['version: true', 'c.yml:1: version has no place in a configuration file'],
    ['client-transport-security: {cert: x}', 'c.yml:1: unknown key "cert"'],
    ['socket-options: 5', 'c.yml:1: expected keys and values under socket-options'],
    [
      'discovery-config:\n  token: x',
      'c.yml:1: discovery-config is not supported yet by Kontiki (discovery of members is not built yet)',
    ],
  ])('%j is refused with its line', (content, expected) => {
    expect(file(content)).toEqual({ kind: 'fail', message: expect.stringContaining(expected) });
  });

  it('passes over keys of older samples, with a word in the log', () => {
    expect(file("proxy: 'off'\nenable-v2: true\n")).toMatchObject({
      kind: 'run',
      warnings: [{ fields: { key: 'proxy', 'removed-in': '3.6' } }, { fields: { key: 'enable-v2' } }],
    });
  });

  it('may be empty', () => {
    expect(file('')).toEqual({ kind: 'run', options: options([]), warnings: [] });
  });
});

/** A valid way to write every flag: the compiler asks for a new one with every new flag. */
const valid: Record<Exclude<FlagName, 'config-file' | 'version' | 'help'>, fc.Arbitrary<string>> = (() => {
  const int = (min: number, max = 2 ** 40): fc.Arbitrary<string> => fc.integer({ min, max }).map(String);
  const bool = fc.constantFrom('true', 'false', 'T', '0', '1');
  const word = fc.stringMatching(/^[a-z0-9#:&*'" {}[\]-]{1,20}$/).filter((text) => text.trim() !== '');
  const ms = fc.integer({ min: 1, max: 1e9 });
  const duration = fc.oneof(
    ms.map((value) => `${value}ms`),
    fc.tuple(fc.nat(99), fc.nat(59)).map(([h, m]) => `${h}h${m}m1s`),
  );
  const port = fc.integer({ min: 1, max: 65_535 });
  const url = fc.oneof(
    fc.tuple(fc.ipV4(), port).map(([ip, p]) => `http://${ip}:${p}`),
    fc.tuple(fc.ipV6(), port).map(([ip, p]) => `http://[${ip}]:${p}`),
    port.map((p) => `http://localhost:${p}`),
    fc.stringMatching(/^[a-z]{1,8}$/).map((name) => `unix:///run/${name}`),
  );
  const urls = fc.array(url, { minLength: 1, maxLength: 3 }).map((list) => list.join(','));
  const elsewhere = urls.filter((text) => !text.includes(':2379'));
  return {
    name: word,
    'data-dir': word,
    'wal-dir': word,
    'snapshot-count': int(1),
    'heartbeat-interval': int(1, 200),
    'election-timeout': int(1000, 50_000),
    'initial-election-tick-advance': bool,
    'listen-peer-urls': urls,
    'listen-client-urls': urls,
    'listen-client-http-urls': elsewhere,
    'max-snapshots': int(0),
    'max-wals': int(0),
    'quota-backend-bytes': int(-5),
    'backend-batch-interval': duration,
    'backend-batch-limit': int(0),
    'max-txn-ops': int(0),
    'max-request-bytes': int(1),
    'max-concurrent-streams': int(1, 2 ** 32 - 1),
    'grpc-keepalive-min-time': duration,
    'grpc-keepalive-interval': duration,
    'grpc-keepalive-timeout': duration,
    'raft-read-timeout': duration,
    'raft-write-timeout': duration,
    'initial-advertise-peer-urls': urls,
    'initial-cluster': word,
    'initial-cluster-state': fc.constantFrom('new', 'existing'),
    'initial-cluster-token': word,
    'advertise-client-urls': urls,
    'pre-vote': bool,
    'strict-reconfig-check': bool,
    'max-learners': int(0),
    'force-new-cluster': bool,
    'auto-compaction-retention': fc.oneof(duration, int(0)),
    'auto-compaction-mode': fc.constantFrom('periodic', 'revision'),
    'v2-deprecation': fc.constantFrom('not-yet', 'write-only', 'gone'),
    metrics: fc.constantFrom('basic', 'extensive'),
    'listen-metrics-urls': urls,
    cors: fc.oneof(fc.constant('*'), urls),
    'host-whitelist': fc.constantFrom('*', 'a', 'a,b.c'),
    logger: fc.constant('zap'),
    'log-outputs': fc.constantFrom('default', 'stdout', 'stderr,a.log', 'a.log,b.log'),
    'log-level': fc.constantFrom('debug', 'info', 'warn', 'error', 'panic', 'fatal'),
    'log-format': fc.constantFrom('json', 'console'),
    'enable-log-rotation': fc.constantFrom('false', '0'),
    'log-rotation-config-json': fc.json(),
    'warning-unary-request-duration': duration,
    'feature-gates': fc.constantFrom(
      'LeaseCheckpoint=true,LeaseCheckpointPersist=true,CompactHashCheck=true',
      'InitialCorruptCheck=true',
      'AllBeta=false',
      'AllAlpha=false,CompactHashCheck=true',
    ),
    'snapshot-catchup-entries': int(0),
    'compaction-batch-limit': int(1),
    'compaction-sleep-interval': duration,
    'watch-progress-notify-interval': duration,
    'warning-apply-duration': duration,
    'bootstrap-defrag-threshold-megabytes': int(0),
    'corrupt-check-time': duration,
    'compact-hash-check-time': duration,
    'socket-reuse-address': bool,
    'enable-grpc-gateway': bool,
    'unsafe-no-fsync': bool,
  };
})();

describe('every source', () => {
  const settings = fc
    .uniqueArray(fc.constantFrom(...(Object.keys(valid) as (keyof typeof valid)[])), { maxLength: 6 })
    .chain((names) => fc.tuple(...names.map((name) => valid[name].map((value) => [name, value] as const))))
    .map((pairs) =>
      pairs.some(([name]) => name === 'listen-client-urls') && !pairs.some(([name]) => name === 'advertise-client-urls')
        ? [...pairs, ['advertise-client-urls', 'http://k:1'] as const]
        : pairs,
    );

  it('reads any flag to the same options', () => {
    fc.assert(
      fc.property(settings, (pairs) => {
        const fromFlags = parse(pairs.map(([name, value]) => `--${name}=${value}`));
        const variable = (name: string, i: number): string =>
          `${i % 2 === 0 ? 'ETCD' : 'KONTIKI'}_${name.toUpperCase().replaceAll('-', '_')}`;
        const fromEnv = parse([], Object.fromEntries(pairs.map(([name, value], i) => [variable(name, i), value])));
        const quoted = pairs.map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`).join('');
        const fromYaml = parse(['--config-file=c'], {}, { c: quoted });
        expect(fromEnv).toEqual(fromFlags);
        expect(fromYaml).toEqual(fromFlags);
        // A pair of values may contradict each other; then all three say so alike.
        if (fromFlags.kind === 'fail') expect(fromFlags.message).toMatch(/same url|revisions in revision mode/);
      }),
      { numRuns: 200 },
    );
  });

  it('never throws and never answers with more than a line, whatever is typed', () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom(...Object.keys(valid), 'config-file', 'cert-file', 'experimental-memory-mlock', 'version'),
    );
    const arg = fc
      .tuple(fc.constantFrom('', '-', '--', '---'), piece, fc.constantFrom('', '='), piece)
      .map((p) => p.join(''));
    const env = fc.dictionary(
      fc
        .tuple(fc.constantFrom('ETCD_', 'KONTIKI_', ''), piece)
        .map(([p, n]) => p + n.toUpperCase().replaceAll('-', '_')),
      fc.string({ maxLength: 12 }),
    );
    const yaml = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.array(fc.tuple(piece, piece)).map((kv) => kv.map((p) => p.join(': ')).join('\n')),
    );
    fc.assert(
      fc.property(fc.array(arg, { maxLength: 4 }), env, yaml, (argv, variables, content) => {
        for (const args of [argv, ['--config-file=c']]) {
          const outcome = parseCommandLine(args, variables, () => content);
          if (outcome.kind === 'fail') expect(outcome.message).not.toMatch(/\n|undefined|\[object/);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
