// a comment
module.exports = { fhirUrl: 'http://h/f', /* c */ tokenUrl: "none", parallelDownloads: 5, patient: [ 'a', "b", ], x: -1.5e3, privateKey: {}, }
