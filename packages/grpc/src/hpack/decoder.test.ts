import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpackDecoder, HpackError } from './decoder.js';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const decoderOf = (maxTableBytes = 4096): HpackDecoder =>
  new HpackDecoder({ maxTableBytes, maxListBytes: 65_536, maxFields: 100 });
const decode = (decoder: HpackDecoder, text: string): string[] => {
  const bytes = hex(text);
  return decoder.decode(bytes, 0, bytes.length).fields.map(({ name, value }) => `${name}: ${value}`);
};

const GET = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const SECURE = [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com'];
const REDIRECT = ['cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT', 'location: https://www.example.com'];
const COOKIE = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const LAST = [
  ':status: 200',
  'cache-control: private',
  'date: Mon, 21 Oct 2013 20:13:22 GMT',
  'location: https://www.example.com',
  'content-encoding: gzip',
  COOKIE,
];

describe('the examples of RFC 7541', () => {
  it.each([
    ['C.2.1', '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', ['custom-key: custom-header'], 55],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', [':path: /sample/path'], 0],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', ['password: secret'], 0],
    ['C.2.4', '82', [':method: GET'], 0],
  ])('%s', (_section, bytes, fields, tableBytes) => {
    const decoder = decoderOf();
    expect(decode(decoder, bytes)).toEqual(fields);
    expect(decoder.table.bytes).toBe(tableBytes);
  });

  it.each([
    [
      'C.3',
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    [
      'C.4',
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  ])('%s: three requests', (_section, first, second, third) => {
    const decoder = decoderOf();
    expect(decode(decoder, first)).toEqual(GET);
    expect(decode(decoder, second)).toEqual([...GET, 'cache-control: no-cache']);
    expect(decode(decoder, third)).toEqual([...SECURE, 'custom-key: custom-value']);
    expect(decoder.table.bytes).toBe(164);
    expect(decoder.table.count).toBe(3);
  });

  it.each([
    [
      'C.5',
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d
       546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
       6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
       2076 6572 7369 6f6e 3d31`,
    ],
    [
      'C.6',
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7
       8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
       dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ],
  ])('%s: three responses in a table of 256 bytes', (_section, first, second, third) => {
    const decoder = decoderOf(256);
    expect(decode(decoder, first)).toEqual([':status: 302', ...REDIRECT]);
    expect(decoder.table.bytes).toBe(222);
    expect(decode(decoder, second)).toEqual([':status: 307', ...REDIRECT]);
    expect(decode(decoder, third)).toEqual(LAST);
    expect(decoder.table.bytes).toBe(215);
    expect(decoder.table.count).toBe(3);
  });
});

describe('a block is refused', () => {
  it.each([
    ['for index 0', '80'],
    ['for an index beyond both tables', 'be'],
    ['for an index far beyond', 'ffffff7f'],
    ['for an integer without end', 'ffffffffffffffff7f'],
    ['for a name index beyond both tables', '7f00'],
    ['when it ends inside an integer', 'ff'],
    ['when it ends before a name', '40'],
    ['when it ends inside a name', '4005 6161'],
    ['when it ends before a value', '4001 61'],
    ['when its Huffman code is padded by more than seven bits', '0001 6182 1fff'],
    ['when its Huffman code is padded with zeros', '0001 6181 18'],
    ['when its Huffman code holds the end of strings', '0001 6184 ffff fffc'],
    ['when it makes the table larger than allowed', '3fe2 1f'],
    ['when the table changes size after a field', '8220'],
  ])('%s', (_why, bytes) => {
    expect(() => decode(decoderOf(), bytes)).toThrow(HpackError);
  });
});

it('lists no more than allowed, and knows the table all the same', () => {
  const decoder = new HpackDecoder({ maxTableBytes: 4096, maxListBytes: 100, maxFields: 100 });
  const bytes = hex(`4001 6101 31 4001 6201 32 ${'be'.repeat(10)} 4001 6301 33`);
  const { fields, tooLarge } = decoder.decode(bytes, 0, bytes.length);
  expect(tooLarge).toBe(true);
  expect(fields.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(decode(decoder, 'be c0')).toEqual(['c: 3', 'a: 1']);
});

it('counts fields as well', () => {
  const decoder = new HpackDecoder({ maxTableBytes: 4096, maxListBytes: 1e9, maxFields: 3 });
  expect(decoder.decode(hex('82828282'), 0, 4)).toMatchObject({ tooLarge: true, fields: { length: 3 } });
  expect(decoder.decode(hex('828282'), 0, 3)).toMatchObject({ tooLarge: false });
});

it('changes its version with whatever changes what an index means', () => {
  const decoder = decoderOf();
  const versions = ['82', '4001 6101 31', 'be', '20', '82'].map((bytes) => {
    try {
      decode(decoder, bytes);
    } catch {
      // Only the table counts here.
    }
    return decoder.table.version;
  });
  expect(versions[0]).not.toBe(versions[1]);
  expect(versions[1]).toBe(versions[2]);
  expect(versions[2]).not.toBe(versions[3]);
  expect(versions[3]).toBe(versions[4]);
});

it('survives any bytes', () =>
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }), (blocks) => {
      const decoder = decoderOf(256);
      for (const bytes of blocks) {
        try {
          decoder.decode(Buffer.from(bytes), 0, bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(HpackError);
        }
        expect(decoder.table.bytes).toBeLessThanOrEqual(decoder.table.maxBytes);
      }
    }),
    { numRuns: 2000 },
  ));
