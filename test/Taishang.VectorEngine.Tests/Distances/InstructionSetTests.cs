using System.Diagnostics;

namespace Taishang.VectorEngine.Tests.Distances;

/// <summary>The narrower ways on a machine that has the wider ones: the same tests in a process in which the runtime
/// is told to leave instruction sets out.</summary>
public sealed class InstructionSetTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Theory]
    [InlineData("DOTNET_EnableAVX512")]
    [InlineData("DOTNET_EnableAVX2")]
    [InlineData("DOTNET_EnableHWIntrinsic")]
    public async Task Kernels_and_grids_hold_without(string instructionSet)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        start.Environment[instructionSet] = "0";
        foreach (var tests in new[]
        {
            nameof(KernelTests), nameof(CodeKernelTests), "CodeGridTests", "RemainderPlaneTests",
        })
        {
            start.ArgumentList.Add("-class");
            start.ArgumentList.Add($"*.{tests}");
        }

        using var limit = new CancellationTokenSource(Patience);
        using var process = Process.Start(start)!;
        try
        {
            var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);

            Assert.True(process.ExitCode == 0, output);
            Assert.Contains("Failed: 0", output, StringComparison.Ordinal);
            Assert.DoesNotContain("Total: 0", output, StringComparison.Ordinal);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }
}
