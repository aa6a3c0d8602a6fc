//! Which file to read, and reading it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::tree::{Lines, Origin};
use super::{Config, ConfigError, ConfigErrors};

/// The variable that names the file.
const VARIABLE: &str = "TOLLGATE_CONFIG";
/// Where the file is looked for if nothing names it.
const USUAL: [&str; 2] = ["./tollgate.toml", "/etc/tollgate/tollgate.toml"];
/// Largest file, in bytes.
const LARGEST: u64 = 16 << 20;

impl Config {
    /// The file to read: `explicit` (the `--config` option), else what `TOLLGATE_CONFIG` names, else `./tollgate.toml`,
    /// else `/etc/tollgate/tollgate.toml`.
    ///
    /// # Errors
    /// The named file does not exist, or none of the usual ones does; the error lists where it looked.
    pub fn find_file(explicit: Option<PathBuf>, env: &BTreeMap<String, String>) -> Result<PathBuf, ConfigErrors> {
        find_among(explicit, env, &USUAL.map(PathBuf::from))
    }

    /// Finds the file as [`Self::find_file`] does, reads and checks it with the variables of `env` over it.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn load(file: Option<&Path>, env: &BTreeMap<String, String>) -> Result<Self, ConfigErrors> {
        let file = Self::find_file(file.map(Path::to_owned), env)?;
        let text = read(&file)?;
        let mut config = Self::parse(&text, &file, env)?;
        config.file = Some(file);
        Ok(config)
    }

    /// The variables of this process that may concern the configuration: those whose name starts with `TOLLGATE_`.
    pub fn environment() -> BTreeMap<String, String> {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        std::env::vars_os()
            .map(|(name, value)| (text(name), text(value)))
            .filter(|(name, _)| name.starts_with("TOLLGATE_"))
            .collect()
    }
}

fn find_among(
    explicit: Option<PathBuf>,
    env: &BTreeMap<String, String>,
    usual: &[PathBuf],
) -> Result<PathBuf, ConfigErrors> {
    let named = match (explicit, env.get(VARIABLE)) {
        (Some(path), _) => Some(("--config", path)),
        (None, Some(path)) if !path.is_empty() => Some((VARIABLE, PathBuf::from(path))),
        _ => None,
    };
    if let Some((who, path)) = named {
        return match path.is_file() {
            true => Ok(path),
            false => Err(one(who.to_owned(), format!("there is no file {}: name one that exists", path.display()))),
        };
    }
    usual.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        let looked: Vec<String> = usual.iter().map(|path| path.display().to_string()).collect();
        let message = format!(
            "no configuration file: --config and {VARIABLE} name none, and none of {} exists; write one of them",
            looked.join(", ")
        );
        one("tollgate".to_owned(), message)
    })
}

fn one(place: String, message: String) -> ConfigErrors {
    ConfigErrors(vec![ConfigError { place, key: String::new(), message }])
}

fn read(file: &Path) -> Result<String, ConfigErrors> {
    let name = || file.display().to_string();
    let failed = |error: std::io::Error| one(name(), format!("cannot be read: {error}"));
    if std::fs::metadata(file).map_err(failed)?.len() > LARGEST {
        return Err(one(name(), "is larger than 16MiB, which no configuration is: name another file".to_owned()));
    }
    String::from_utf8(std::fs::read(file).map_err(failed)?).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let place = match Lines::new(&text).place(valid) {
            Origin::File(line, column) => format!("{}:{line}:{column}", name()),
            Origin::Env(_) => name(),
        };
        one(place, "is not UTF-8 from here on: save the file as UTF-8".to_owned())
    })
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn the_option_wins_over_the_variable_and_that_over_the_usual_places() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = |name: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, "").expect("written");
            path
        };
        let (option, variable, first, second) = (file("option"), file("variable"), file("first"), file("second"));
        let env = BTreeMap::from([(VARIABLE.to_owned(), variable.display().to_string())]);
        let none = BTreeMap::new();
        let usual = [first.clone(), second.clone()];
        assert_eq!(find_among(Some(option.clone()), &env, &usual).as_ref(), Ok(&option));
        assert_eq!(find_among(None, &env, &usual).as_ref(), Ok(&variable));
        assert_eq!(find_among(None, &none, &usual).as_ref(), Ok(&first));
        std::fs::remove_file(&first).expect("removed");
        assert_eq!(find_among(None, &none, &usual).as_ref(), Ok(&second));
        std::fs::remove_file(&second).expect("removed");
        let error = find_among(None, &none, &usual).expect_err("nothing there").to_string();
        let (first, second) = (first.display(), second.display());
        assert_eq!(
            error,
            format!(
                "tollgate: no configuration file: --config and TOLLGATE_CONFIG name none, and none of {first}, {second} \
                 exists; write one of them"
            )
        );
        std::fs::remove_file(&variable).expect("removed");
        let error = find_among(None, &env, &usual).expect_err("named but absent").to_string();
        assert_eq!(error, format!("TOLLGATE_CONFIG: there is no file {}: name one that exists", variable.display()));
    }

    #[test]
    fn a_file_is_loaded_with_its_own_folder_as_base() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("t.toml");
        std::fs::write(&path, "[store]\nurl = \"file:./state\"\n").expect("written");
        let config = Config::load(Some(&path), &BTreeMap::new()).expect("valid");
        assert_eq!(config.store.data_dir, dir.path().join("./state"));
        assert_eq!(config.file.as_deref(), Some(path.as_path()));
    }

    #[test]
    fn a_file_that_is_not_utf8_names_the_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("t.toml");
        std::fs::write(&path, b"region = \"eu\"\n# caf\xe9\n").expect("written");
        let error = Config::load(Some(&path), &BTreeMap::new()).expect_err("not UTF-8").to_string();
        assert_eq!(error, format!("{}:2:6: is not UTF-8 from here on: save the file as UTF-8", path.display()));
    }
}
