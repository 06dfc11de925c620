using System.Text.Json.Nodes;

namespace Taishang.System.Tests.Soak;

/// <summary>
/// A browser that follows all tasks from the beginning: it comes back after each cut, to whichever core answers, with
/// the id of the last event that it has.
/// </summary>
internal sealed class SoakWatcher(SoakCluster cluster, Random random)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly HashSet<string> _seen = [];

    /// <summary>Lines of trails that came, by their ids.</summary>
    public IReadOnlyCollection<string> Seen
    {
        get
        {
            lock (_seen) return [.. _seen];
        }
    }

    public int Connections { get; private set; }

    public async Task RunAsync(CancellationToken stop)
    {
        var last = "0-";
        using var pause = new PeriodicTimer(Pause);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (cluster.Cores is { Count: > 0 } cores)
                {
                    Connections++;
                    await FollowAsync(cores[random.Next(cores.Count)].Http, last, id => last = id, stop);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException
                or ObjectDisposedException)
            {
                // Cut: it comes back.
            }

            await pause.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    /// <summary>A core that is silent for longer is paused.</summary>
    private async Task FollowAsync(HttpClient http, string last, Action<string> keep, CancellationToken stop)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(stop);
        silence.CancelAfter(SoakCluster.SilenceMax);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/taishang/tasks/stream");
        request.Headers.Add("Last-Event-ID", last);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token);
        if (!response.IsSuccessStatusCode) return;
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(silence.Token));
        string? id = null;
        while (await reader.ReadLineAsync(silence.Token) is { } line)
        {
            silence.CancelAfter(SoakCluster.SilenceMax);
            if (line.StartsWith("id: ", StringComparison.Ordinal)) id = line[4..];
            if (line == "event: lagged") return;
            if (id is null || !line.StartsWith("data: ", StringComparison.Ordinal)) continue;
            lock (_seen) _seen.Add((string)JsonNode.Parse(line[6..])!["id"]!);
            keep(id);
            id = null;
        }
    }
}
