//! The certificate of the public listener: read at the start, and again on SIGHUP.

use std::path::{Path, PathBuf};

use query::Tls;

use crate::settings::{Http, Problems};

const CERTIFICATE: &str = "http.tls_certificate_file";
const KEY: &str = "http.tls_key_file";

/// The files, and what the listener shows of them. Clones are one.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    certificate_file: PathBuf,
    key_file: PathBuf,
    tls: Tls,
}

impl Certificate {
    /// Reads the files that the settings name; `None` if they name none.
    pub(super) fn read(http: &Http) -> Result<Option<Self>, Problems> {
        let (Some(certificate_file), Some(key_file)) = (&http.tls_certificate_file, &http.tls_key_file)
        else {
            return Ok(None);
        };
        let (certificates, key) = (read(CERTIFICATE, certificate_file)?, read(KEY, key_file)?);
        let tls = Tls::new(&certificates, &key);
        let tls = tls.map_err(|error| Problems::unreadable(CERTIFICATE, certificate_file, error))?;
        Ok(Some(Self { certificate_file: certificate_file.clone(), key_file: key_file.clone(), tls }))
    }

    pub(super) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Reads the files again. New connections are shown what is in them now; those that there are keep what they were shown. If the
    /// files can't be used, nothing changes.
    pub(super) fn reload(&self) -> Result<(), Problems> {
        let (certificates, key) = (read(CERTIFICATE, &self.certificate_file)?, read(KEY, &self.key_file)?);
        let replaced = self.tls.replace(&certificates, &key);
        replaced.map_err(|error| Problems::unreadable(CERTIFICATE, &self.certificate_file, error))
    }
}

fn read(setting: &str, path: &Path) -> Result<Vec<u8>, Problems> {
    std::fs::read(path).map_err(|error| Problems::unreadable(setting, path, error))
}
