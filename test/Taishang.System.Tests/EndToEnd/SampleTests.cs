using System.Diagnostics;
using System.Text.RegularExpressions;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.EndToEnd;

/// <summary>The sample as a newcomer runs it, on its own corpus and, where they are there, on real ones.</summary>
public sealed partial class SampleTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(240);

    [Fact]
    public async Task The_sample_finds_the_right_passages_of_its_own_corpus()
    {
        var (output, ndcg) = await RunAsync(null);
        Assert.True(ndcg >= 0.9, output);
    }

    /// <summary>The figures are those of the embedder alone with exact search, less 0.02.</summary>
    [Theory]
    [InlineData("xquad-en", 0.886)]
    [InlineData("xquad-zh", 0.867)]
    public async Task The_sample_reaches_the_embedders_quality_on_a_real_corpus(string corpus, double atLeast)
    {
        if (Repository.TestData is not { } data) { Assert.Skip("no test data: set TAISHANG_TEST_DATA"); return; }
        var (output, ndcg) = await RunAsync(Path.Combine(data, corpus));
        Assert.True(ndcg >= atLeast, output);
    }

    private static async Task<(string Output, double Ndcg)> RunAsync(string? corpus)
    {
        using var folder = new TestFolder();
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        var start = new ProcessStartInfo("dotnet")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        string[] arguments =
        [
            Path.Combine(Repository.Root, "samples/first-search/bin/Release/net10.0/first-search.dll"),
            "--url", server.HttpAddress!, .. corpus is null ? Array.Empty<string>() : ["--corpus", corpus],
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var sample = Process.Start(start)!;
        var error = sample.StandardError.ReadToEndAsync();
        var output = await sample.StandardOutput.ReadToEndAsync().WaitAsync(Patience);
        await sample.WaitForExitAsync().WaitAsync(Patience);
        Assert.True(sample.ExitCode == 0, output + await error);
        return (output, double.Parse(Ndcg().Match(output).Groups["value"].Value));
    }

    [GeneratedRegex(@"nDCG@10 (?<value>[0-9.]+)", RegexOptions.None, 1000)]
    private static partial Regex Ndcg();
}
