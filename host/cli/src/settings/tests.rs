//! Which source wins, and what is said of a mistake.

use super::*;

fn typed(flags: &[(&str, &str)], file: Option<&Path>) -> Typed {
    let flags = flags.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Typed { file: file.map(Into::into), flags }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[track_caller]
fn check_refused(typed: &Typed, environment: &[(&str, &str)], expected: &str) {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let failure = Settings::load(typed, environment).unwrap_err();
    assert!(failure.to_string().contains(expected), "{failure}");
}

#[test]
fn flags_win_over_the_environment_that_over_the_file_that_over_the_defaults() {
    let file = file("listen = \"a:1\"\ndata-dir = \"a\"\nstore = \"memory\"\n[task]\ncpu-time = \"1s\"\n");
    let environment = [("SANDMILL_LISTEN", "b:1"), ("SANDMILL_DATA_DIR", "b"), ("HOME", "/")];
    let environment = environment.map(|(name, value)| (name.into(), value.into()));
    let settings = Settings::load(&typed(&[("listen", "c:1")], Some(file.path())), environment).unwrap();
    let shown = |wanted: &str| {
        settings
            .all()
            .find(|(setting, ..)| setting.name == wanted)
            .map(|(_, value, origin)| (value.to_owned(), origin.clone()))
    };
    assert_eq!(shown("listen"), Some(("c:1".into(), Origin::Flag)));
    assert_eq!(shown("data-dir"), Some(("b".into(), Origin::Environment("SANDMILL_DATA_DIR".into()))));
    assert_eq!(shown("task.cpu-time"), Some(("1s".into(), Origin::File(file.path().into()))));
    assert_eq!(shown("drain"), Some(("30s".into(), Origin::Default)));
    assert_eq!(settings.time("task.cpu-time"), Duration::from_secs(1));
}

#[test]
fn every_default_can_be_read() {
    let settings = Settings::load(&Typed::default(), []).unwrap();
    for (setting, value, _) in settings.all() {
        assert_eq!(check(setting, value), Ok(()), "{}", setting.name);
    }
    assert_eq!(settings.bytes::<u64>("task.memory"), 128 << 20);
    assert_eq!(settings.count::<u8>("workflow.steps"), u8::MAX, "what does not fit is as much as does");
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let unknown = file("[task]\ncpu-tim = \"1s\"\n");
    check_refused(&typed(&[], Some(unknown.path())), &[], "did you mean `task.cpu-time`?");
    let broken = file("listen = \n");
    check_refused(&typed(&[], Some(broken.path())), &[], "line 1");
    check_refused(&typed(&[("store", "disk")], None), &[], "embedded or memory");
    check_refused(
        &typed(&[], None),
        &[("SANDMILL_DRAIN", "soon")],
        "$SANDMILL_DRAIN: `drain` is `soon`, and a length of time",
    );
    check_refused(&typed(&[("task.memory", "much")], None), &[], "a size such as");
    check_refused(
        &typed(&[], Some(Path::new("/nowhere/sandmill.toml"))),
        &[],
        "/nowhere/sandmill.toml: the file cannot be read",
    );
}

/// The page of limits, as this program would write it.
fn page() -> String {
    let mut page = String::from(
        "# Limits and settings\n\n\
         Every setting of a server: `sandmill config show` prints them with their values. A dot is a table in `sandmill.toml`, and an underscore in\n\
         the environment: `task.memory` is `memory` under `[task]`, and `SANDMILL_TASK_MEMORY`. Whoever goes over a limit meets the error of its row.\n\n\
         | setting | default | what | error |\n|---|---|---|---|\n",
    );
    for setting in SETTINGS {
        let code = setting.code.map(|code| format!("`{code}`")).unwrap_or_default();
        page.push_str(&format!("| `{}` | `{}` | {} | {code} |\n", setting.name, setting.default, setting.what));
    }
    page.push_str(FIXED);
    page
}

/// What no setting changes.
const FIXED: &str = "
## Fixed

What no setting changes, because documents and journals rely on it.

| what | limit | error |
|---|---|---|
| a workflow document | 10 MiB | `document-too-large` |
| levels of data in a document or a value | 127 | `document-too-large` |
| tasks in tasks | 20 | `tasks-too-deep` |
| the name of a queue | 63 bytes | `wrong-option` |
| how long a config is kept (`document.metadata.config.ttl`) | a minute to 365 days | `wrong-option` |
| an expression | 16 KiB of text, 64 brackets in brackets | `wrong-expression` |
| a value inline in a record of the journal | 256 bytes; larger ones are stored once per execution | |
| a path into the context | 4,096 bytes, 128 steps | |
| a read of the context | 10 MiB | |
| a message of a log line | 16 KiB, 32 fields | |
| what a plugin says of itself | 256 KiB, schemas 64 levels deep | `component-rejected` |
";

#[test]
fn the_page_of_limits_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/limits.md");
    if std::env::var_os("SANDMILL_WRITE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), page(), "write it with SANDMILL_WRITE_DOCS=1");
}

#[test]
fn the_limits_of_the_runtime_are_settings() {
    let defaults = Settings::load(&Typed::default(), []).unwrap();
    for row in sandmill_runtime::LIMITS {
        let setting =
            SETTINGS.iter().find(|setting| setting.name == row.setting).unwrap_or_else(|| panic!("{}", row.setting));
        assert_eq!(setting.code, Some(row.code), "{}", row.setting);
        let default = match setting.kind {
            Kind::Bytes => defaults.bytes::<u64>(setting.name),
            Kind::Time => u64::try_from(defaults.time(setting.name).as_millis()).unwrap(),
            _ => defaults.count(setting.name),
        };
        assert_eq!(default, row.default, "{}", row.setting);
    }
}

#[test]
fn every_error_of_a_setting_has_a_page() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    for code in SETTINGS.iter().filter_map(|setting| setting.code) {
        assert!(pages.join(format!("{code}.md")).is_file(), "docs/errors/{code}.md");
    }
}
