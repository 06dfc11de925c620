using System.Diagnostics;

namespace Taishang.Tidy.Tests.ContractDiff;

/// <summary>The program behind scripts/openapi-diff and scripts/proto-diff: what it prints and how it ends.</summary>
public sealed class CommandTests
{
    private const string Old = "paths: { /a: { get: { responses: { '200': {} } } } }";
    private const string New = "paths: { /b: { get: { responses: { '200': {} } } } }";

    [Fact]
    public async Task A_breaking_change_is_printed_and_ends_with_one()
    {
        var (exitCode, output) = await RunAsync("openapi", Old, New);
        Assert.Equal(1, exitCode);
        Assert.Contains("breaking: removed-path at /a", output);
        Assert.Contains("openapi: 1 breaking changes", output);
    }

    [Fact]
    public async Task Nothing_broken_ends_with_zero()
    {
        var (exitCode, output) = await RunAsync("openapi", Old, Old);
        Assert.Equal((0, "openapi: 0 breaking changes"), (exitCode, output.Trim()));
    }

    [Theory]
    [InlineData("openapi", "a: [", Old)]
    [InlineData("proto", "", "")]
    [InlineData("other", Old, Old)]
    public async Task What_cannot_be_compared_ends_with_two(string kind, string before, string after) =>
        Assert.Equal(2, (await RunAsync(kind, before, after)).ExitCode);

    private static async Task<(int ExitCode, string Output)> RunAsync(string kind, string before, string after)
    {
        var folder = Directory.CreateTempSubdirectory("taishang-diff-").FullName;
        try
        {
            var start = new ProcessStartInfo("dotnet")
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "contract-diff.dll"));
            start.ArgumentList.Add(kind);
            foreach (var (name, text) in new[] { ("old.yaml", before), ("new.yaml", after) })
            {
                await File.WriteAllTextAsync(Path.Combine(folder, name), text);
                start.ArgumentList.Add(Path.Combine(folder, name));
            }

            using var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
            var errors = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
            return (process.ExitCode, output + await errors);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
