using Taishang.Tidy.Tests.Rules;

namespace Taishang.Tidy.Tests;

/// <summary>Each rule meets a sample that breaks it: a rule that cannot fail guards nothing.</summary>
public sealed class RuleTests
{
    private const string Sample = "src/Taishang.Core/Sample.cs";

    [Fact]
    public void A_file_over_the_wall_is_found()
    {
        Assert.Single(Sizes.LongFiles([File(Lines(401))]));
        Assert.Empty(Sizes.LongFiles([File(Lines(400))]));
    }

    [Fact]
    public void A_wide_line_is_found()
    {
        Assert.Single(Sizes.LongLines([File(new string('a', 121))]));
        Assert.Empty(Sizes.LongLines([File(new string('字', 120))]));
    }

    [Theory]
    [InlineData("class A\n{\n    void B()\n    {\nBODY    }\n}\n", 66, 67)]
    [InlineData("record struct A\n{\n    int B(int x) =>\n        x switch\n        {\nBODY        };\n}\n", 65, 67)]
    [InlineData("class A(int x = 1)\n{\n    void B<T>() where T : class\n    {\nBODY    }\n}\n", 66, 68)]
    [InlineData("interface I { }\nclass A : I\n{\n    A(int x) : base(x)\n    {\nBODY    }\n}\n", 66, 68)]
    [InlineData("class A\n{\n    int B\n    {\n        get => 1;\n    }\n    void C()\n    {\nBODY    }\n}\n", 66, 68)]
    public void A_long_method_is_found(string code, int fits, int tooLong)
    {
        Assert.Empty(Sizes.LongMethods([File(code.Replace("BODY", Lines(fits)))]));
        Assert.Single(Sizes.LongMethods([File(code.Replace("BODY", Lines(tooLong + 2)))]));
    }

    [Theory]
    [InlineData("class A\n{\n    string b = \"\"\"\n{BODY\"\"\";\n    void C() { }\n}\n")]
    [InlineData("class A\n{\n    static readonly int[] B =\n    [\nBODY    ];\n}\n")]
    [InlineData("class A\n{\n    static readonly Map B = new()\n    {\nBODY    };\n}\n")]
    [InlineData("class A\n{\n    [Rows(\nBODY    )]\n    void B()\n    {\n    }\n}\n")]
    [InlineData("class A\n{\n    // {\nBODY    char c = '{';\n}\n")]
    public void What_is_long_and_no_method_is_not_found(string code) =>
        Assert.Empty(Sizes.LongMethods([File(code.Replace("BODY", Lines(80)))]));

    [Fact]
    public void A_long_entry_file_is_found()
    {
        Assert.Single(Sizes.LongEntryFiles([new SourceFile("src/A/Program.cs", Lines(61))]));
        Assert.Single(Sizes.LongEntryFiles([new SourceFile("src/A/CoreSetup.cs", Lines(61))]));
        Assert.Empty(Sizes.LongEntryFiles([new SourceFile("src/A/Core.cs", Lines(61))]));
    }

    [Theory]
    [InlineData("// TO", "DO: later")]
    [InlineData("// FIX", "ME")]
    [InlineData("throw new NotImplemented", "Exception();")]
    [InlineData("#reg", "ion A")]
    public void Unfinished_work_is_found(string start, string end) =>
        Assert.Single(Words.UnfinishedWork([File(start + end)]));

    [Theory]
    [InlineData("var x = \"/ho", "me/anna/data\";")]
    [InlineData("cd /wo", "rk/thing")]
    [InlineData("C:\\Us", "ers\\anna")]
    public void A_path_of_one_machine_is_found(string start, string end) =>
        Assert.Single(Words.MachinePaths([File(start + end)]));

    [Theory]
    [InlineData("POST /api/taishang/home/x")]
    [InlineData("a/work/b")]
    [InlineData("$HOME/data")]
    public void A_path_within_something_is_not_found(string text) => Assert.Empty(Words.MachinePaths([File(text)]));

    [Theory]
    [InlineData("https://api.nu", "get.org/v3/index.json")]
    [InlineData("http://mir", "ror.example.com/debian")]
    [InlineData("<package", "Sources>")]
    public void A_host_that_serves_packages_is_found(string start, string end) =>
        Assert.Single(Words.RegistryHosts([File(start + end)]));

    [Fact]
    public void A_wrong_arrow_a_lost_arrow_and_a_stranger_are_found()
    {
        var house = Projects.Arrows.Select(p => Project(p.Key, p.Value)).ToList();
        Assert.Empty(Projects.WrongArrows(house));
        var narrow = Project("Taishang.Server", ["Taishang.Ai", "Taishang.Core"]);
        Assert.Single(Projects.WrongArrows([.. house.Skip(1), narrow]));
        Assert.Single(Projects.WrongArrows([.. house, Project("Taishang.Common", [])]));
        var upward = Project("Taishang.VectorEngine", ["Taishang.Core"]);
        Assert.Single(Projects.WrongArrows([.. house.Where(p => !p.Path.Contains("VectorEngine.cs")), upward]));
        Assert.Single(Projects.WrongArrows(house.Skip(1)));
        Assert.Single(Projects.OutsidersWithArrows([Project("first-search", ["Taishang.Core"])]));
    }

    [Theory]
    [InlineData("<PackageReference Include='A' Version='1.0.0' />", "1.0.0")]
    [InlineData("<PackageReference Include='A' VersionOverride='1.0.0' />", "1.0.0")]
    [InlineData("<PackageReference Include='A'><Version>1.0.0</Version></PackageReference>", "1.0.0")]
    [InlineData("<PackageReference Include='A' />", "1.0.*")]
    [InlineData("<PackageReference Include='A' />", "[1.0.0,2.0.0)")]
    [InlineData("<PackageReference Include='A' />", "1")]
    public void A_loose_version_is_found(string reference, string version) =>
        Assert.Single(Projects.LooseVersions(
            [new SourceFile("src/A/A.csproj", $"<Project>{reference}</Project>")], Central(version)));

    [Fact]
    public void A_version_that_nobody_uses_is_found() =>
        Assert.Single(Projects.UnusedVersions([Project("A", [])], Central("1.0.0")));

    [Fact]
    public void A_project_without_tests_and_a_stray_folder_of_tests_are_found()
    {
        Assert.Single(Projects.Untested(["src/Taishang.Core/A.cs"]));
        Assert.Empty(Projects.Untested(
            ["src/Taishang.Core/A.cs", "test/Taishang.Core.Tests/Taishang.Core.Tests.csproj"]));
        Assert.Single(Projects.StrayTestFolders(
            ["src/Taishang.Core/Data/A.cs", "test/Taishang.Core.Tests/Date/ATests.cs"], "Taishang.Core"));
    }

    [Theory]
    [InlineData("Memory", "using Taishang.VectorEngine.Distances;")]
    [InlineData("Storage", "var x = Taishang.VectorEngine.Log.WriteAhead.Open();")]
    [InlineData("Cellar", "")]
    public void A_room_of_the_engine_that_uses_a_lower_one_is_found(string room, string code) =>
        Assert.Single(EngineRooms.WrongArrows([new SourceFile($"src/Taishang.VectorEngine/{room}/A.cs", code)]));

    [Fact]
    public void A_room_that_uses_a_higher_one_and_the_root_that_uses_all_are_not_found() =>
        Assert.Empty(EngineRooms.WrongArrows(
        [
            new SourceFile("src/Taishang.VectorEngine/Segments/A.cs", "using Taishang.VectorEngine.Memory;"),
            new SourceFile("src/Taishang.VectorEngine/A.cs", "using Taishang.VectorEngine.Segments;"),
        ]));

    [Fact]
    public void A_namespace_that_is_not_its_folder_is_found()
    {
        Assert.Single(EngineRooms.WrongNamespaces(
            [new SourceFile("src/Taishang.Core/Data/A.cs", "namespace Taishang.Core;\n")], "Taishang.Core"));
        Assert.Empty(EngineRooms.WrongNamespaces(
            [new SourceFile("src/Taishang.Core/Data/A.cs", "namespace Taishang.Core.Data;\n")], "Taishang.Core"));
    }

    [Theory]
    [InlineData("src/Taishang.Core/Helpers/A.cs")]
    [InlineData("src/Taishang.Common/A.cs")]
    [InlineData("test/shared/A.cs")]
    public void A_folder_that_says_nothing_is_found(string path) => Assert.Single(Names.EmptyFolders([path]));

    [Theory]
    [InlineData("namespace Taishang.Console;")]
    [InlineData("namespace Taishang.Core.System;")]
    [InlineData("public class Task { }")]
    public void A_name_that_hides_another_is_found(string code) => Assert.Single(Names.HidingNames([File(code)]));

    [Fact]
    public void Decisions_without_a_number_or_with_a_taken_one_are_found()
    {
        Assert.Single(Names.Decisions(["docs/decisions/plan.md"]));
        Assert.Single(Names.Decisions(["docs/decisions/0001-a.md", "docs/decisions/0001-b.md"]));
    }

    [Fact]
    public void A_witness_that_does_not_exist_is_found()
    {
        var page = File("| it holds | `SomeTests.It_holds`, `SomeTests.It_is_gone`, `OtherTests.It_holds` |");
        Assert.Equal(2, TestNames.Missing(page, [File("class SomeTests { public void It_holds() { } }")]).Count());
    }

    [Fact]
    public void A_link_that_leads_nowhere_is_found()
    {
        var text = "[a](b.md) [c](../README.md#x) [d](https://x.example/) [e](#f)\n```\n[g](h)\n```\n";
        Assert.Single(Documents.BrokenLinks([new SourceFile("docs/a.md", text)], path => path == "README.md"));
    }

    [Fact]
    public void Documents_with_other_headings_are_told_apart()
    {
        var one = new SourceFile("a.md", "# A\n## B\n```\n# code\n```\n");
        Assert.Empty(Documents.UnequalHeadings(one, new SourceFile("b.md", "# 甲\n\n## 乙\n")));
        Assert.Single(Documents.UnequalHeadings(one, new SourceFile("b.md", "# 甲\n\n### 乙\n")));
    }

    [Theory]
    [InlineData("| `id` | VARCHAR(36) | |", 1)]
    [InlineData("| `id` | VARCHAR(36) | |\n| `size` | BIGINT | |", 0)]
    [InlineData("| `id` | VARCHAR(37) | |\n| `size` | BIGINT | |", 2)]
    [InlineData("| `id` | VARCHAR(36) | |\n| `size` | BIGINT | |\n| `gone` | TEXT | |", 1)]
    public void A_page_that_differs_from_the_schema_is_found(string rows, int differences)
    {
        const string Schema = """
            CREATE TABLE tai_things (
                -- A remark.
                id VARCHAR(36) NOT NULL,
                CHECK (id <> '')
            );
            ALTER TABLE tai_things ADD COLUMN size BIGINT;
            CREATE TABLE tai_old (
                id VARCHAR(36) NOT NULL
            );
            DROP TABLE tai_old;
            """;
        var page = new SourceFile("docs/data/a.md", "### tai_things\n\n| column | type | what |\n" + rows);
        Assert.Equal(differences, DataModel.Differences([new SourceFile("db/a.sql", Schema)], page).Count());
    }

    private static SourceFile File(string text) => new(Sample, text);

    private static SourceFile Project(string name, string[] references) => new(
        $"src/{name}/{name}.csproj",
        $"<Project>{string.Concat(references.Select(r => $"<ProjectReference Include='../{r}.csproj' />"))}</Project>");

    private static SourceFile Central(string version) => new(
        "Directory.Packages.props", $"<Project><PackageVersion Include='A' Version='{version}' /></Project>");

    private static string Lines(int count) => string.Concat(Enumerable.Repeat("x;\n", count));
}
