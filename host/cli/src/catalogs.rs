//! Catalogs of functions: folders of this host, each under the endpoint that documents know it by.
//!
//! The layout is the specification's: `functions/NAME/VERSION/function.yaml`. Nothing outside of a folder is ever read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sandmill_core::definition::{DOCUMENT_BYTES_MAX, EveryPlugin, PinnedFunction, PinnedPlugin, PluginSource};
use sandmill_engine::ports::Functions;

use crate::arguments::CatalogArguments;
use crate::failure::{Failure, Outcome};

/// What a function's document may be called.
const FILES: [&str; 3] = ["function.yaml", "function.yml", "function.json"];

/// The catalogs that the operator named.
#[derive(Debug, Default)]
pub(crate) struct Catalogs(BTreeMap<String, PathBuf>);

impl Catalogs {
    /// Reads `ENDPOINT=FOLDER`, several of them with commas between. A folder that is not there is an error now, and not when somebody deploys.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let refused = |reason: String| Failure::new(Outcome::Refused, format!("`catalogs`: {reason}"));
        let mut catalogs = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "none") {
            let (endpoint, folder) = part.rsplit_once('=').ok_or_else(|| {
                refused(format!("`{part}` is not ENDPOINT=FOLDER, such as `https://example.com=./catalog`"))
            })?;
            if !Path::new(folder).join("functions").is_dir() {
                return Err(refused(format!("{folder} is no catalog: it has no folder `functions`")));
            }
            catalogs.insert(endpoint.trim_end_matches('/').to_owned(), PathBuf::from(folder));
        }
        Ok(Self(catalogs))
    }

    /// Those that were typed one by one.
    pub(crate) fn of(typed: &CatalogArguments) -> Result<Self, Failure> {
        Self::parse(&typed.catalog.join(","))
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        if names.is_empty() { "it knows none".into() } else { format!("it knows {}", names.join(", ")) }
    }
}

impl Functions for Catalogs {
    fn function(&self, catalog: &str, name: &str, version: &str) -> Result<Bytes, String> {
        let folder = self.0.get(catalog).ok_or_else(|| {
            let known = self.known();
            format!("this host knows no catalog `{catalog}` ({known}): its operator names the folder of each with `--catalog`")
        })?;
        let is_plain = |part: &str| !part.starts_with('.') && !part.contains(['/', '\\']);
        if !is_plain(name) || !is_plain(version) {
            return Err(format!("`{name}:{version}` is no name and version of a function"));
        }
        let folder = folder.join("functions").join(name).join(version);
        let Some(file) = FILES.iter().map(|file| folder.join(file)).find(|file| file.is_file()) else {
            return Err(format!("the catalog `{catalog}` has no function `{name}` in version `{version}`"));
        };
        let unreadable = |error: std::io::Error| format!("the function `{name}:{version}` cannot be read: {error}");
        let bytes = fs::metadata(&file).map_err(unreadable)?.len();
        if bytes > DOCUMENT_BYTES_MAX as u64 {
            return Err(format!(
                "the function `{name}:{version}` has {bytes} bytes, and {DOCUMENT_BYTES_MAX} are allowed"
            ));
        }
        fs::read(&file).map(Bytes::from).map_err(unreadable)
    }
}

/// For tools without a host: every plugin is there, and the functions of these catalogs.
impl PluginSource for Catalogs {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        EveryPlugin.plugin(name, version)
    }

    fn function(&self, catalog: &str, name: &str, version: &str) -> Result<PinnedFunction, String> {
        let document = Functions::function(self, catalog, name, version)?;
        let document = (&*document).into();
        Ok(PinnedFunction { catalog: catalog.into(), name: name.into(), version: version.into(), document })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> (tempfile::TempDir, Catalogs) {
        let folder = tempfile::tempdir().unwrap();
        let function = folder.path().join("functions/log/1.0.0");
        fs::create_dir_all(&function).unwrap();
        fs::write(function.join("function.yaml"), "set: { x: 1 }").unwrap();
        fs::write(folder.path().join("secret"), "no").unwrap();
        let catalogs = Catalogs::parse(&format!("https://example.com/={}", folder.path().display())).unwrap();
        (folder, catalogs)
    }

    #[test]
    fn a_function_is_found_by_its_endpoint_name_and_version() {
        let (_folder, catalogs) = catalog();
        assert_eq!(
            Functions::function(&catalogs, "https://example.com", "log", "1.0.0").as_deref(),
            Ok(&b"set: { x: 1 }"[..])
        );
        let missing = Functions::function(&catalogs, "https://example.com", "log", "2.0.0").unwrap_err();
        assert_eq!(missing, "the catalog `https://example.com` has no function `log` in version `2.0.0`");
        assert!(
            Functions::function(&catalogs, "https://other.com", "log", "1.0.0")
                .unwrap_err()
                .contains("it knows https://example.com")
        );
    }

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let (_folder, catalogs) = catalog();
        for (name, version) in [("..", "1.0.0"), ("log", ".."), ("a/b", "1.0.0"), ("log", "../../../secret")] {
            assert!(Functions::function(&catalogs, "https://example.com", name, version).is_err(), "{name} {version}");
        }
    }

    #[test]
    fn what_is_no_catalog_is_refused_at_once() {
        assert!(Catalogs::parse("none").unwrap().0.is_empty());
        assert!(Catalogs::parse("https://example.com").is_err());
        assert!(Catalogs::parse("https://example.com=/nowhere").is_err());
    }
}
