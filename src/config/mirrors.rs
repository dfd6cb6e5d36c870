//! The release sources and their order: flag, then variable, then file. Pure.

use std::path::Path;

use crate::config::Env;
use crate::config::FileSettings;
use crate::config::Provenance;
use crate::config::Setting;
use crate::config::SettingError;
use crate::model::source_spec::SourceSpec;

const VARIABLE: &str = "REPROQ_MIRROR";

/// The configured sources; `None` means GitHub only. A path is relative to the current directory, in the file to the
/// project.
pub(super) fn mirrors(
    flags: &[String],
    env: &Env,
    file: &FileSettings,
) -> Result<Option<Setting<Vec<SourceSpec>>>, SettingError> {
    let path = file.path.clone().unwrap_or_default();
    let variable = env.var(VARIABLE).unwrap_or_default();
    let listed: Vec<&str> = variable.split([',', ' ', '\t', '\n']).filter(|text| !text.is_empty()).collect();
    let (texts, base, from): (Vec<&str>, &Path, Provenance) = if !flags.is_empty() {
        (flags.iter().map(String::as_str).collect(), &env.cwd, Provenance::Flag("--mirror"))
    } else if !listed.is_empty() {
        (listed, &env.cwd, Provenance::Variable(VARIABLE))
    } else if !file.mirror.is_empty() {
        let root = path.parent().unwrap_or(&env.cwd);
        (file.mirror.iter().map(String::as_str).collect(), root, Provenance::File(path.clone()))
    } else {
        return Ok(None);
    };
    let mut places: Vec<SourceSpec> = Vec::new();
    for text in texts {
        let place = SourceSpec::parse(text.trim(), base);
        let place = place.map_err(|reason| SettingError { from: from.clone(), reason })?;
        // The same source twice gives the same result.
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(Some(Setting { value: places, from }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(flags: &[&str], variable: &str, file: &[&str]) -> Result<Option<String>, String> {
        let flags: Vec<String> = flags.iter().map(|text| (*text).to_owned()).collect();
        let env = Env::built(Path::new("/here"), [(VARIABLE, variable.to_owned())]);
        let file = FileSettings {
            path: Some("/project/pyproject.toml".into()),
            mirror: file.iter().map(|text| (*text).to_owned()).collect(),
            ..FileSettings::default()
        };
        let mirrors = mirrors(&flags, &env, &file).map_err(|error| error.to_string())?;
        Ok(mirrors.map(|mirrors| {
            let places = mirrors.value.iter().map(|place| place.to_string().replace('\\', "/"));
            format!("{} from {}", places.collect::<Vec<_>>().join(" "), mirrors.from)
        }))
    }

    #[test]
    fn flag_then_variable_then_file() {
        let described = |flags: &[&str], variable: &str, file: &[&str]| named(flags, variable, file).expect("usable");
        assert_eq!(described(&[], "", &[]), None);
        let file = ["mirror", "github"];
        assert_eq!(
            described(&[], "", &file).as_deref(),
            Some("/project/mirror github from [tool.reproq] of /project/pyproject.toml")
        );
        let variable = "a, https://example.com/m\tgithub,,a";
        assert_eq!(
            described(&[], variable, &file).as_deref(),
            Some("/here/a https://example.com/m github from the variable REPROQ_MIRROR")
        );
        assert_eq!(described(&["a b,c"], variable, &file).as_deref(), Some("/here/a b,c from the flag --mirror"));
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        let url = "https://user:hunter2@example.com";
        for refused in [named(&[url], "", &[]), named(&[], url, &[]), named(&[], "", &[url])] {
            let refused = refused.expect_err("refused");
            assert!(
                refused.contains("must not contain a user or password") && !refused.contains("hunter2"),
                "{refused}"
            );
        }
    }
}
