//! A timestamp authority (RFC 3161): it signs that a signature existed at a given time.

use rcgen::BasicConstraints;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::SigningKey;

use super::der;
use super::lasting;
use super::sha256;

const SHA256: [u64; 9] = [2, 16, 840, 1, 101, 3, 4, 2, 1];
const ECDSA_WITH_SHA256: [u64; 7] = [1, 2, 840, 10045, 4, 3, 2];
const SIGNED_DATA: [u64; 7] = [1, 2, 840, 113_549, 1, 7, 2];
const TIMESTAMP: [u64; 9] = [1, 2, 840, 113_549, 1, 9, 16, 1, 4];
const CONTENT_TYPE: [u64; 7] = [1, 2, 840, 113_549, 1, 9, 3];
const MESSAGE_DIGEST: [u64; 7] = [1, 2, 840, 113_549, 1, 9, 4];
const POLICY: [u64; 8] = [1, 3, 6, 1, 4, 1, 57264, 2];
const COMMON_NAME: [u64; 4] = [2, 5, 4, 3];
const ROOT: &str = "acme timestamps";

pub struct TimestampAuthority {
    key: KeyPair,
    certificate: Vec<u8>,
    root: Vec<u8>,
}

impl TimestampAuthority {
    pub fn new() -> Self {
        let named = |text: &str| {
            let mut name = DistinguishedName::new();
            name.push(DnType::CommonName, text);
            name
        };
        let root_key = KeyPair::generate().expect("a key");
        let mut root_params = lasting(named(ROOT));
        root_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = root_params.self_signed(&root_key).expect("a certificate").der().to_vec();
        let key = KeyPair::generate().expect("a key");
        let mut params = lasting(named("acme timestamping"));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::TimeStamping];
        let issuer = Issuer::new(root_params, root_key);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate").der().to_vec();
        Self { key, certificate, root }
    }

    pub fn chain(&self) -> [&[u8]; 2] {
        [&self.certificate, &self.root]
    }

    /// The response to a timestamp request for these bytes.
    pub fn stamp(&self, bytes: &[u8], time: i64) -> Vec<u8> {
        let sha = der::sequence(&[der::oid(&SHA256)]);
        let info = der::sequence(&[
            der::integer(1),
            der::oid(&POLICY),
            der::sequence(&[sha.clone(), der::octets(&sha256(bytes))]),
            der::integer(1),
            der::time(time),
        ]);
        let attributes = [
            der::sequence(&[der::oid(&CONTENT_TYPE), der::set(&[der::oid(&TIMESTAMP)])]),
            der::sequence(&[der::oid(&MESSAGE_DIGEST), der::set(&[der::octets(&sha256(&info))])]),
        ];
        let signature = self.key.sign(&der::set(&attributes)).expect("a signature");
        let issuer = der::sequence(&[der::set(&[der::sequence(&[der::oid(&COMMON_NAME), der::utf8(ROOT)])])]);
        let signer = der::sequence(&[
            der::integer(1),
            der::sequence(&[issuer, der::integer(7)]),
            sha.clone(),
            der::tagged(0xa0, &attributes.concat()),
            der::sequence(&[der::oid(&ECDSA_WITH_SHA256)]),
            der::octets(&signature),
        ]);
        let signed = der::sequence(&[
            der::integer(3),
            der::set(&[sha]),
            der::sequence(&[der::oid(&TIMESTAMP), der::tagged(0xa0, &der::octets(&info))]),
            der::set(&[signer]),
        ]);
        let token = der::sequence(&[der::oid(&SIGNED_DATA), der::tagged(0xa0, &signed)]);
        der::sequence(&[der::sequence(&[der::integer(0)]), token])
    }
}
