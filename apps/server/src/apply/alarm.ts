import type { rpc } from '@kontiki/proto';
import type { State } from './handlers.js';
import { revisionHeader } from './txn-form.js';

const GET = 0;
const ACTIVATE = 1;
const DEACTIVATE = 2;

export function applyAlarm(request: rpc.AlarmRequest, state: State): rpc.AlarmResponse {
  return { header: revisionHeader(state.store.revision), alarms: change(request, state) };
}

function change(request: rpc.AlarmRequest, { alarms }: State): rpc.AlarmMember[] {
  switch (request.action) {
    case GET:
      return [...alarms.list(request.alarm)];
    case ACTIVATE:
      // An alarm of no kind is nothing to raise.
      return request.alarm === 0 ? [] : [alarms.activate(request.memberID, request.alarm)];
    case DEACTIVATE: {
      const lowered = alarms.deactivate(request.memberID, request.alarm);
      return lowered === undefined ? [] : [lowered];
    }
    default:
      return [];
  }
}
