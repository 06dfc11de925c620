using System.Diagnostics;

namespace Taishang.Bench.Peers;

/// <summary>A peer that runs: one line asked, one line answered, so that only one peer works at a time.</summary>
internal sealed class PeerProcess : IAsyncDisposable
{
    private static readonly TimeSpan ExitWait = TimeSpan.FromSeconds(20);
    private readonly Process _process;

    private PeerProcess(PeerProgram program, Process process)
    {
        Program = program;
        _process = process;
    }

    public PeerProgram Program { get; }

    /// <summary>Starts the peer and waits until it has read its queries.</summary>
    public static async Task<PeerProcess> StartAsync(PeerProgram program, PeerData data, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program.File)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        string[] arguments =
        [
            .. program.Arguments,
            data.QueryPath,
            data.IsL2 ? "l2" : "ip",
            $"{PeersRequest.Connectivity}",
            $"{PeersRequest.EfConstruction}",
        ];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        if (program.Variant.Length > 0)
            start.ArgumentList.Add(program.Variant);

        start.Environment["NODE_PATH"] = Path.Combine(PeerProgram.WorkFolder, "node_modules");
        var process = Process.Start(start) ?? throw new InvalidOperationException($"cannot start {program.File}");
        var peer = new PeerProcess(program, process);
        await peer.ReadAsync(cancellation);
        return peer;
    }

    /// <summary>Sends one line and returns the words after ok.</summary>
    public async Task<string[]> AskAsync(string line, CancellationToken cancellation)
    {
        await _process.StandardInput.WriteLineAsync(line.AsMemory(), cancellation);
        await _process.StandardInput.FlushAsync(cancellation);
        return await ReadAsync(cancellation);
    }

    public double CpuSeconds()
    {
        _process.Refresh();
        return _process.TotalProcessorTime.TotalSeconds;
    }

    public ProcessMemory Memory() => ProcessMemory.Read(_process.Id);

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var limit = new CancellationTokenSource(ExitWait);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task<string[]> ReadAsync(CancellationToken cancellation)
    {
        var line = await _process.StandardOutput.ReadLineAsync(cancellation);
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["ok", .. var words]
            ? words
            : throw new InvalidOperationException($"{Program.Name}: {line ?? "ended"}");
    }
}
