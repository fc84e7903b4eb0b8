import { expect, it } from 'vitest';
import { DirectoryLockedError } from './file-system.js';

it('a locked folder is named together with who has it', () => {
  const error = new DirectoryLockedError('data/member', 'process 7');
  expect(error).toMatchObject({ name: 'DirectoryLockedError', directory: 'data/member', holder: 'process 7' });
  expect(error.message).toBe('data/member is in use by process 7');
});
