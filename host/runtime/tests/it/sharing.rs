//! Components are compiled once, kept ready within bounds, and kept on disk.

use std::path::Path;

use sandmill_runtime::{ArtifactError, ArtifactOptions, RuntimeOptions, StartError};

use crate::kit::{Bench, completed, component, message, options};
use crate::text::Parts;

fn keeping(folder: &Path) -> RuntimeOptions {
    let artifacts =
        ArtifactOptions { folder: folder.join("artifacts"), key_file: folder.join("secrets/artifacts.key") };
    RuntimeOptions { artifacts: Some(artifacts), ..options() }
}

/// The one artifact that is there.
fn artifact(folder: &Path) -> std::path::PathBuf {
    let entries = folder.join("artifacts").read_dir().expect("a runtime made the folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("the folder is readable").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

async fn run_once(options: &RuntimeOptions) {
    let bench = Bench::new(options);
    let digest = bench.add(&Parts::default().build());
    assert!(completed(bench.run(message(digest, 0, "{}")).await).is_null());
}

#[tokio::test]
async fn an_artifact_is_kept_and_used_again() {
    let folder = tempfile::tempdir().unwrap();
    run_once(&keeping(folder.path())).await;
    let written = std::fs::metadata(artifact(folder.path())).unwrap();
    run_once(&keeping(folder.path())).await;
    let after = std::fs::metadata(artifact(folder.path())).unwrap();
    assert_eq!(inode(&written), inode(&after), "it was not written again");
}

#[tokio::test]
async fn a_damaged_artifact_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    run_once(&keeping(folder.path())).await;
    let path = artifact(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for bytes in [damaged.as_slice(), &whole[..whole.len() - 1], b"", b"not an artifact"] {
        std::fs::write(&path, bytes).unwrap();
        run_once(&keeping(folder.path())).await;
        let replaced = std::fs::read(&path).unwrap();
        assert_eq!(replaced.len(), whole.len());
        assert_ne!(replaced, bytes);
    }
}

#[tokio::test]
async fn an_artifact_of_another_host_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    run_once(&keeping(folder.path())).await;
    let path = artifact(folder.path());
    let before = std::fs::metadata(&path).unwrap();
    std::fs::remove_file(folder.path().join("secrets/artifacts.key")).unwrap();
    run_once(&keeping(folder.path())).await;
    assert_ne!(inode(&before), inode(&std::fs::metadata(&path).unwrap()));
}

#[tokio::test]
async fn the_key_may_not_lie_with_the_artifacts() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts =
        ArtifactOptions { folder: folder.path().into(), key_file: folder.path().join("inside/artifacts.key") };
    let observer: std::sync::Arc<dyn sandmill_engine::ports::TaskObserver> =
        std::sync::Arc::new(crate::kit::Seen::default());
    let catalog = std::sync::Arc::new(crate::kit::MemoryCatalog::default());
    let started =
        sandmill_runtime::Runtime::new(&RuntimeOptions { artifacts: Some(artifacts), ..options() }, catalog, &observer);
    assert!(matches!(started.err(), Some(StartError::Artifacts(ArtifactError::KeyInFolder(_)))));
}

fn inode(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[tokio::test]
async fn many_first_calls_at_once_compile_once() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(&keeping(folder.path()));
    let guests = bench.add(&component("guests"));
    let tasks: Vec<_> = (0..16).map(|number| bench.start(message(guests, number, r#"{"do":"counter"}"#))).collect();
    for task in tasks {
        completed(task.await.unwrap());
    }
    artifact(folder.path());
    let reads = bench.catalog.reads();
    completed(bench.run(message(guests, 99, r#"{"do":"counter"}"#)).await);
    assert_eq!(bench.catalog.reads(), reads, "a component that is ready is not asked for");
}

#[tokio::test]
async fn the_component_that_was_not_used_for_longest_is_forgotten() {
    let bench = Bench::new(&RuntimeOptions { components_max: 2, ..options() });
    let [a, b, c] = ["a", "b", "c"].map(|summary| {
        let texts = [summary.as_bytes().to_vec(), b"true".to_vec(), b"true".to_vec()];
        bench.add(&Parts { texts, ..Parts::default() }.build())
    });
    let mut reads = Vec::new();
    for digest in [a, b, a, c, a, b] {
        completed(bench.run(message(digest, 0, "{}")).await);
        reads.push(bench.catalog.reads());
    }
    assert_eq!(reads, [1, 2, 2, 3, 3, 4]);
}
