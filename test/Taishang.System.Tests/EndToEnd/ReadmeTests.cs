using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.EndToEnd;

/// <summary>The copyable lines of both READMEs, run as they stand against a fresh server.</summary>
public sealed partial class ReadmeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("README.md")]
    [InlineData("README.zh-CN.md")]
    public async Task Every_curl_line_of_the_readme_works_as_it_stands(string readme)
    {
        using var folder = new TestFolder();
        await using var server = await ServerProcess.StartReadyAsync(folder.File("data"));

        // The lines name the default port; curl is told by its own configuration where that leads in this test.
        var port = new Uri(server.HttpAddress!).Port;
        await File.WriteAllTextAsync(folder.File(".curlrc"), $"connect-to = \"127.0.0.1:7080:127.0.0.1:{port}\"\n");

        var blocks = Block().Matches(await File.ReadAllTextAsync(Path.Combine(Repository.Root, readme)));
        Assert.True(blocks.Count >= 5, $"{readme} has {blocks.Count} blocks to run");
        var answers = new List<JsonNode>();
        foreach (Match block in blocks) answers.AddRange(await RunAsync(folder.Path, block.Groups["body"].Value));

        Assert.All(answers, answer => Assert.Equal(0, (int)answer["code"]!));
        var searches = answers.Where(answer => answer["data"]!["results"] is not null).ToArray();
        Assert.Equal("tea", (string)searches[0]["data"]!["results"]![0]!["id"]!);
        Assert.Equal("cha", (string)searches[1]["data"]!["results"]![0]!["id"]!);
        Assert.NotNull(answers[^1]["data"]!["stats"]);
    }

    /// <summary>Runs a block in a shell; every curl in it prints one JSON document.</summary>
    private static async Task<IEnumerable<JsonNode>> RunAsync(string home, string script)
    {
        var start = new ProcessStartInfo("bash") { UseShellExecute = false, RedirectStandardOutput = true };
        start.ArgumentList.Add("-euc");
        start.ArgumentList.Add(script);
        start.Environment["HOME"] = home;
        start.Environment["CURL_HOME"] = home;
        using var shell = Process.Start(start)!;
        var output = await shell.StandardOutput.ReadToEndAsync().WaitAsync(Patience);
        await shell.WaitForExitAsync().WaitAsync(Patience);
        Assert.Equal(0, shell.ExitCode);
        return output.Replace("}{", "}\n{").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(
            line => JsonNode.Parse(line)!);
    }

    [GeneratedRegex("^```bash\n(?<body>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline, 1000)]
    private static partial Regex Block();
}
