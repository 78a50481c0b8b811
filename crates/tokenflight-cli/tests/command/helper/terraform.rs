//! terraform, against a registry of modules that wants a token.

use crate::support::*;

#[cfg(unix)]
#[test]
fn terraform_gets_the_token_for_a_registry() {
    let Some(terraform) = find_foreign("terraform", "the helper for terraform was not driven by it") else { return };
    let user = User::new();
    let (server, sent) = (user.server.clone(), Arc::<Mutex<Vec<bool>>>::default());
    let noted = Arc::clone(&sent);
    let registry = serve(move |request| {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        noted.lock().unwrap().push(token.is_some_and(|token| server.is_good(token)));
        match request.path() {
            path if path.ends_with("/versions") => {
                Response::json(200, &json!({ "modules": [{ "versions": [{ "version": "1.0.0" }] }] }))
            }
            _ => Response::new(404, ""),
        }
    });
    user.log_in(&[&registry.to_string()]);
    let plugins = user.work().join("../.terraform.d/plugins");
    fs::create_dir_all(&plugins).unwrap();
    let link = plugins.join("terraform-credentials-tokenflight");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tokenflight"), link).unwrap();
    let module = format!("module \"it\" {{\n  source = \"{registry}/a/b/c\"\n  version = \"1.0.0\"\n}}\n");
    fs::write(user.work().join("main.tf"), module).unwrap();
    let services = format!("services = {{ \"modules.v1\" = \"http://{registry}/v1/\" }}");
    let config = format!("host \"{registry}\" {{\n  {services}\n}}\ncredentials_helper \"tokenflight\" {{}}\n");
    let file = user.work().join("terraformrc");
    fs::write(&file, config).unwrap();
    let mut command = user.program(&terraform);
    command.env("TF_CLI_CONFIG_FILE", &file).env("CHECKPOINT_DISABLE", "1");
    // There is no module behind its list of versions: what counts is how terraform asked for it.
    let output = command.args(["get", "-no-color"]).output().unwrap();
    let sent = sent.lock().unwrap();
    assert!(!sent.is_empty() && sent.iter().all(|good| *good), "{sent:?} {output:?}");
}
