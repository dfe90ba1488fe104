//! Compiled components on disk.
//!
//! An artifact is native code, so it is trusted only with a checksum that nobody else can make (rule 23): an HMAC under a key that lies outside of
//! the folder. The bytes that were verified are the bytes that are loaded, from one buffer. Anything that does not verify is as good as nothing:
//! the component is compiled again, and the log says so.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sandmill_core::ids::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::options::ArtifactOptions;

/// What an artifact begins with: the form of the file.
const MAGIC: &[u8; 8] = b"SMARTF1\n";

const KEY_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 32;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The system said no.
    #[error("cannot use {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Whoever can write artifacts could sign them.
    #[error("the key file {0} lies in the folder of the artifacts that it protects: choose another place for it")]
    KeyInFolder(PathBuf),
}

/// The folder, for one engine.
pub(crate) struct Artifacts {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    /// What the code was made for: the version of wasmtime, the settings of its engine, the features of the processor.
    made_for: String,
}

impl Artifacts {
    /// Opens the folder, and makes it and the key where they do not exist.
    pub(crate) fn open(options: &ArtifactOptions, engine: &Engine) -> Result<Self, ArtifactError> {
        let ArtifactOptions { folder, key_file } = options;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ArtifactError::Io { path, source }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        if let Some(parent) = key_file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(failed(parent))?;
            let parent = parent.canonicalize().map_err(failed(parent))?;
            if parent.starts_with(folder.canonicalize().map_err(failed(folder))?) {
                return Err(ArtifactError::KeyInFolder(key_file.clone()));
            }
        }
        let key = key(key_file).map_err(failed(key_file))?;
        Ok(Self { folder: folder.clone(), key, made_for: fingerprint(engine) })
    }

    /// The compiled component, if it is there and is what this host wrote for this engine.
    pub(crate) fn load(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "an artifact cannot be read: compiling again");
                return None;
            }
        };
        let Some(code) = self.verified(digest, &bytes) else {
            tracing::warn!(path = %path.display(), "an artifact is damaged or not of this host: compiling again");
            return None;
        };
        load(engine, code)
            .inspect_err(|error| {
                tracing::warn!(path = %path.display(), error = %format_args!("{error:#}"), "an artifact does not load: compiling again");
            })
            .ok()
    }

    /// Keeps a compiled component. Where that fails nothing is lost but the time to compile it again.
    pub(crate) fn save(&self, digest: Digest, component: &Component) {
        let path = self.path(digest);
        let saved = component.serialize().map_err(io::Error::other).and_then(|code| self.write(&path, digest, &code));
        if let Err(error) = saved {
            tracing::warn!(path = %path.display(), %error, "an artifact cannot be kept");
        }
    }

    /// Whole or not at all: a reader sees the old file or the new one.
    fn write(&self, path: &Path, digest: Digest, code: &[u8]) -> io::Result<()> {
        let (temporary, mut file) = create_beside(path)?;
        let written = file
            .write_all(MAGIC)
            .and_then(|()| file.write_all(&self.checksum(digest, code).finalize().into_bytes()))
            .and_then(|()| file.write_all(code))
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{}-{}.bin", hex::encode(digest.as_bytes()), self.made_for))
    }

    /// The code within the bytes of a file, if its checksum is right.
    fn verified<'a>(&self, digest: Digest, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (checksum, code) = bytes.strip_prefix(MAGIC)?.split_at_checked(CHECKSUM_BYTES)?;
        self.checksum(digest, code).verify_slice(checksum).is_ok().then_some(code)
    }

    /// Over the component and the engine too, so that no artifact passes for another.
    fn checksum(&self, digest: Digest, code: &[u8]) -> Hmac<Sha256> {
        let mut checksum = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        checksum.update(digest.as_bytes());
        checksum.update(self.made_for.as_bytes());
        checksum.update(code);
        checksum
    }
}

#[expect(
    unsafe_code,
    reason = "the bytes are those whose checksum was verified, so this host wrote them for this engine"
)]
fn load(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` runs what it is given; the checksum over exactly this buffer says that `Component::serialize` of this host made it.
    unsafe { Component::deserialize(engine, code) }
}

/// The key of this host, made at the first start.
fn key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            tracing::warn!(path = %path.display(), "others could read the key of the artifacts: making a new one");
            fs::remove_file(path)?;
        }
        Ok(found) if found.len() != KEY_BYTES as u64 => {
            tracing::warn!(path = %path.display(), "the key of the artifacts is damaged: making a new one");
            fs::remove_file(path)?;
        }
        Ok(_) => return read_key(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    make_key(path)
}

fn read_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let bytes = fs::read(path)?;
    bytes.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the key has another length"))
}

/// Two hosts that start at once agree: the file appears whole, and only once.
fn make_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut key)?;
    let (temporary, mut file) = create_beside(path)?;
    let linked = file.write_all(&key).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_key(path),
        Err(error) => Err(error),
    }
}

/// A new file for its owner alone, in the folder of another one.
fn create_beside(path: &Path) -> io::Result<(PathBuf, fs::File)> {
    static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{number}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    // What a process of the same number left behind when it died.
    let _ = fs::remove_file(&temporary);
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    Ok((temporary, file))
}

/// What compiled code depends on, as a short name.
fn fingerprint(engine: &Engine) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let bytes: [u8; 32] = hasher.0.finalize().into();
    hex::encode(&bytes[..8])
}

/// A hash that is the same in every build, as those of the standard library are not.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the digest is taken instead")
    }
}
