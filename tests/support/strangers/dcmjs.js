// A modality made of dcmjs-dimse: echo, worklist, performed procedure step. Prints one JSON object.
//   node dcmjs.js PORT CALLING CALLED '{"PatientName": "L*", ...}'
const dimse = require('dcmjs-dimse');
const { Client, Dataset } = dimse;
const { CEchoRequest, CFindRequest, NCreateRequest, NSetRequest } = dimse.requests;
dimse.log.setLevel ? dimse.log.setLevel('silent') : (dimse.log.level = 'error');

const [port, calling, called, keys, uid] = process.argv.slice(2);
const out = { statuses: [], answers: [] };

function send(request) {
  return new Promise((resolve, reject) => {
    const client = new Client();
    let answered = false;
    request.on('response', (response) => {
      if (response.getStatus() === 0xff00 || response.getStatus() === 0xff01) {
        out.answers.push(response.getDataset().getElements());
      } else {
        answered = true;
        out.statuses.push(response.getStatus());
      }
    });
    client.addRequest(request);
    // The client sometimes asks for release on a socket that it has ended itself: by then everything has been answered.
    client.on('networkError', (error) => (answered ? resolve() : reject(error)));
    client.on('associationRejected', reject);
    client.on('closed', resolve);
    client.send('127.0.0.1', Number(port), calling, called);
  });
}

async function main() {
  await send(new CEchoRequest());
  await send(CFindRequest.createWorklistFindRequest(JSON.parse(keys)));
  const mpps = '1.2.840.10008.3.1.2.3.3';
  const create = new NCreateRequest(mpps, uid);
  create.setDataset(new Dataset({
    PerformedProcedureStepStatus: 'IN PROGRESS', PerformedProcedureStepID: 'P1', PerformedStationAETitle: calling, Modality: 'CT',
    PerformedProcedureStepStartDate: '20260302', PerformedProcedureStepStartTime: '084000',
    ScheduledStepAttributesSequence: [{ StudyInstanceUID: '1.2.250.1.99999.1', ScheduledProcedureStepID: 'SPS1', AccessionNumber: 'ACC1' }],
  }));
  await send(create);
  const set = new NSetRequest(mpps, uid);
  set.setDataset(new Dataset({ PerformedProcedureStepStatus: 'DISCONTINUED', PerformedProcedureStepEndDate: '20260302', PerformedProcedureStepEndTime: '090000',
    PerformedProcedureStepDiscontinuationReasonCodeSequence: [{ CodeValue: '110514', CodingSchemeDesignator: 'DCM', CodeMeaning: 'Incorrect worklist entry selected' }] }));
  await send(set);
}

main().then(() => { console.log(JSON.stringify(out)); process.exit(0); }, (error) => { console.error(String(error)); process.exit(1); });
