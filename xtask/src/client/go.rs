//! Go, by openapi-generator.

use super::{Order, generate};

/// `enumClassPrefix`, because Go has one name space for the values of all enumerations, and without it the same word
/// in two of them does not compile. `disallowAdditionalPropertiesIfNotPresent`, because otherwise an answer with a
/// field that this version of the contract does not know is an error. `useOneOfDiscriminatorLookup`, because otherwise
/// a module beyond the standard library is needed.
const SETTINGS: &str = "packageName=heliostat,enumClassPrefix=true,disallowAdditionalPropertiesIfNotPresent=false,\
    useOneOfDiscriminatorLookup=true";
/// The name of the module; users give it their own.
const MODULE: [&str; 6] =
    ["--git-host", "example.com", "--git-user-id", "heliostat", "--git-repo-id", "client"];
/// What the generator says of every contract, however small.
const SAID_ALWAYS: &str = "Failed to get the schema name: null";

/// What users do with it.
pub const NEXT_STEPS: &str = r#"Use it:  go mod edit -require=example.com/heliostat/client@v0.0.0 -replace=example.com/heliostat/client=DIR
         import heliostat "example.com/heliostat/client"
         settings := heliostat.NewConfiguration()
         settings.Servers = heliostat.ServerConfigurations{{URL: "http://127.0.0.1:7990/rest"}}
         client := heliostat.NewAPIClient(settings)
         ctx := context.WithValue(context.Background(), heliostat.ContextAccessToken, "<an access token>")
         projects, _, err := client.ProjectsAPI.GetProjects(ctx).Execute()"#;

/// Makes the client.
pub fn make(order: &Order<'_>) -> anyhow::Result<()> {
    let mut command = order.tools.command("openapi-generator-cli");
    command.args(["generate", "--generator-name", "go", "--additional-properties", SETTINGS]).args(MODULE);
    // The tests that it would write need a module beyond the standard library, and test nothing.
    command.args(["--global-property", "apiTests=false,modelTests=false"]);
    command.arg("--input-spec").arg(order.document.file()).arg("--output").arg(order.workshop);
    generate(&mut command, |line| {
        (line.contains(" WARN ") || line.contains(" ERROR ")) && !line.contains(SAID_ALWAYS)
    })
}
