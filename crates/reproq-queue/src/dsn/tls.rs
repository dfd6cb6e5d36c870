//! `sslmode` and what belongs to it, with the worker's rules for their combinations.

use std::path::PathBuf;

use crate::dsn::error::DsnError;
use crate::dsn::settings::Settings;
use crate::dsn::surroundings::Surroundings;
use crate::pg::ClientCertificate;
use crate::pg::Encryption;
use crate::pg::Roots;
use crate::pg::Verification;

/// What is done about encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// None.
    Disable,
    /// Only if the server refuses a connection without.
    Allow,
    /// If the server can.
    Prefer,
    /// Always, without verification.
    Require,
    /// Also that an authority issued the certificate.
    VerifyCa,
    /// Also that the certificate names the host.
    VerifyFull,
}

/// The settings of TLS, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The mode that results from all settings.
    pub mode: SslMode,
    /// The authorities that are named.
    pub roots: Option<Roots>,
    /// The certificate of this side.
    pub client: Option<ClientCertificate>,
    /// Whether the key of this side is encrypted. Only the worker decrypts it.
    pub has_encrypted_key: bool,
    /// Whether TLS starts with the first byte.
    pub is_direct: bool,
    /// Whether the server is told which host is meant.
    pub sends_name: bool,
}

impl TlsSettings {
    /// For Unix sockets, which are never encrypted.
    pub(super) const fn none() -> Self {
        let mode = SslMode::Disable;
        Self { mode, roots: None, client: None, has_encrypted_key: false, is_direct: false, sends_name: false }
    }

    pub(super) fn read(settings: &Settings, surroundings: &Surroundings<'_>) -> Result<Self, DsnError> {
        let mut mode = mode(settings.get("sslmode"))?;
        let is_direct = settings.get("sslnegotiation") == "direct";
        if is_direct && mode == SslMode::Prefer {
            mode = SslMode::Require;
        }
        let roots = match settings.get("sslrootcert") {
            "" => None,
            "system" => {
                mode = SslMode::VerifyFull;
                Some(Roots::System)
            }
            path => {
                let text = surroundings.read("sslrootcert", path)?;
                if !contains(&text, "-----BEGIN CERTIFICATE-----") {
                    let problem = "contains no certificate in PEM form".to_owned();
                    return Err(DsnError::File { key: "sslrootcert", problem });
                }
                Some(Roots::File(PathBuf::from(path)))
            }
        };
        // As libpq does: who names an authority wants it to be verified.
        if mode == SslMode::Require && roots.is_some() {
            mode = SslMode::VerifyCa;
        }
        let sends_name = matches!(settings.get("sslsni"), "" | "1");
        let without_client = Self { mode, roots, client: None, has_encrypted_key: false, is_direct, sends_name };
        if mode == SslMode::Disable {
            return Ok(without_client);
        }
        let (certificate, key) = (settings.get("sslcert"), settings.get("sslkey"));
        match (certificate, key) {
            ("", "") => return Ok(without_client),
            ("", _) => return Err(DsnError::Setting { key: "sslkey", expected: "needs `sslcert`" }),
            (_, "") => return Err(DsnError::Setting { key: "sslcert", expected: "needs `sslkey`" }),
            (_, _) => {}
        }
        let key_text = surroundings.read("sslkey", key)?;
        if !contains(&key_text, "-----BEGIN ") {
            return Err(DsnError::File { key: "sslkey", problem: "contains no key in PEM form".to_owned() });
        }
        if !contains(&surroundings.read("sslcert", certificate)?, "-----BEGIN CERTIFICATE-----") {
            let problem = "contains no certificate in PEM form".to_owned();
            return Err(DsnError::File { key: "sslcert", problem });
        }
        let client = ClientCertificate { certificate: PathBuf::from(certificate), key: PathBuf::from(key) };
        Ok(Self { client: Some(client), has_encrypted_key: contains(&key_text, "ENCRYPTED"), ..without_client })
    }

    /// What our own connection does. `allow` is treated as `prefer`: encrypted if possible.
    pub(super) fn encryption(&self) -> Encryption {
        let roots = || self.roots.clone().unwrap_or(Roots::System);
        let verification = match self.mode {
            SslMode::Disable => return Encryption::Disabled,
            SslMode::Allow | SslMode::Prefer => return Encryption::Preferred,
            SslMode::Require => Verification::Nothing,
            SslMode::VerifyCa => Verification::Authority(roots()),
            SslMode::VerifyFull => Verification::Full(roots()),
        };
        Encryption::Required { verification, client: self.client.clone(), direct: self.is_direct }
    }
}

fn mode(text: &str) -> Result<SslMode, DsnError> {
    Ok(match text {
        "disable" => SslMode::Disable,
        "allow" => SslMode::Allow,
        "" | "prefer" => SslMode::Prefer,
        "require" => SslMode::Require,
        "verify-ca" => SslMode::VerifyCa,
        "verify-full" => SslMode::VerifyFull,
        _ => {
            let expected = "is not disable, allow, prefer, require, verify-ca or verify-full";
            return Err(DsnError::Setting { key: "sslmode", expected });
        }
    })
}

fn contains(text: &[u8], mark: &str) -> bool {
    text.windows(mark.len()).any(|part| part == mark.as_bytes())
}
