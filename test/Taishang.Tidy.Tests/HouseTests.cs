using Taishang.Tidy.Tests.Rules;

namespace Taishang.Tidy.Tests;

/// <summary>Every rule of the house, on the house. That each rule can fail is shown in RuleTests.</summary>
public sealed class HouseTests
{
    private static IEnumerable<SourceFile> Code => Repository.Sources(".cs");

    private static IEnumerable<SourceFile> Engine => Repository.Sources(".cs", "src/Taishang.VectorEngine");

    private static SourceFile Central => Repository.Sources("Directory.Packages.props").Single();

    /// <summary>Text that people wrote; data of samples and tests is data.</summary>
    private static IEnumerable<SourceFile> Written => Repository.Files
        .Where(file => Path.GetExtension(file) is ".cs" or ".md" or ".yaml" or ".yml" or ".proto" or ".sql" or ".csproj"
            or ".props" or ".slnx" or ".json" or ".html" or ".css" or ".js" or ".txt" or ".config" or ".sh" or ""
            or ".toml")
        .Select(file => new SourceFile(file, Repository.Read(file)));

    [Fact]
    public void No_file_is_longer_than_a_wall() => None(Sizes.LongFiles(Code));

    [Fact]
    public void No_method_is_longer_than_a_screen() => None(Sizes.LongMethods(Code));

    [Fact]
    public void No_line_is_wider_than_the_page() =>
        None(Sizes.LongLines(Code.Concat(Repository.Sources(".proto")).Concat(Repository.Sources(".sql"))
            .Concat(Repository.Sources(".yaml"))));

    [Fact]
    public void Entry_files_only_add_and_map() => None(Sizes.LongEntryFiles(Repository.Sources(".cs", "src")));

    [Fact]
    public void Nothing_is_left_unfinished() => None(Words.UnfinishedWork(Written));

    [Fact]
    public void No_file_names_a_path_of_one_machine() => None(Words.MachinePaths(Written));

    [Fact]
    public void No_file_names_a_host_that_serves_packages() => None(Words.RegistryHosts(Written));

    [Fact]
    public void Projects_use_each_other_along_the_arrows_of_the_house() =>
        None(Projects.WrongArrows(Repository.Sources(".csproj", "src")));

    [Fact]
    public void Samples_know_the_contract_alone_or_what_an_executor_sees() =>
        None(Projects.OutsidersWithArrows(Repository.Sources(".csproj", "samples"), "Taishang.Executors"));

    [Fact]
    public void Versions_of_packages_are_exact_and_central() =>
        None(Projects.LooseVersions(Repository.Sources(".csproj"), Central));

    [Fact]
    public void Every_central_version_is_used() =>
        None(Projects.UnusedVersions(
            Repository.Sources(".csproj").Concat(Repository.Sources("Directory.Build.props")), Central));

    [Fact]
    public void Every_project_with_code_has_tests() => None(Projects.Untested([.. Repository.Files]));

    /// <summary>Folders that are named here test the whole project rather than one of its rooms.</summary>
    [Theory]
    [InlineData("Taishang.Ai")]
    [InlineData("Taishang.Core")]
    [InlineData("Taishang.Hosting")]
    [InlineData("Taishang.Server")]
    [InlineData("Taishang.VectorEngine", "Durability", "Model")]
    public void Tests_lie_in_folders_of_what_they_test(string project, params string[] whole) =>
        None(Projects.StrayTestFolders([.. Repository.Files], project, whole));

    [Fact]
    public void Rooms_of_the_engine_use_only_rooms_above_them() => None(EngineRooms.WrongArrows(Engine));

    [Theory]
    [InlineData("Taishang.Ai")]
    [InlineData("Taishang.Core")]
    [InlineData("Taishang.Hosting")]
    [InlineData("Taishang.Server")]
    [InlineData("Taishang.VectorEngine")]
    [InlineData("Taishang.WebConsole")]
    public void A_namespace_says_where_its_file_lies(string project) =>
        None(EngineRooms.WrongNamespaces(Repository.Sources(".cs", "src/" + project), project));

    [Fact]
    public void Folders_say_what_is_in_them() => None(Names.EmptyFolders(Repository.Files));

    [Fact]
    public void No_name_hides_one_that_everyone_uses() => None(Names.HidingNames(Code));

    [Fact]
    public void Decisions_are_numbered_once() => None(Names.Decisions(Repository.Files));

    [Fact]
    public void Links_in_documents_lead_somewhere() =>
        None(Documents.BrokenLinks(Repository.Sources(".md"), Repository.Exists));

    [Fact]
    public void The_page_on_the_data_model_names_every_column() =>
        None(DataModel.Differences(
            Repository.Sources(".sql", "db"), Repository.Sources(".md", "docs/data").Single()));

    [Fact]
    public void Both_languages_of_the_readme_have_the_same_sections() =>
        None(Documents.UnequalHeadings(
            new SourceFile("README.md", Repository.Read("README.md")),
            new SourceFile("README.zh-CN.md", Repository.Read("README.zh-CN.md"))));

    [Fact]
    public void Tests_that_a_page_calls_its_witnesses_exist() =>
        None(TestNames.Missing(
            new SourceFile("docs/testing/field-notes.md", Repository.Read("docs/testing/field-notes.md")),
            Repository.Sources(".cs", "test")));

    private static void None(IEnumerable<string> broken)
    {
        var found = broken.ToArray();
        Assert.True(found.Length == 0, $"{found.Length} broken:\n{string.Join('\n', found)}");
    }
}
