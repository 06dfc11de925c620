using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Soak;

/// <summary>
/// A caller that knows only what a user knows: some core answers. What has no answer is asked again of another, under
/// the same Idempotency-Key, until there is one.
/// </summary>
internal sealed class SoakClient(SoakCluster cluster, Random random)
{
    private const int InProgress = 10018;

    /// <summary>A paused core answers nothing: so long is waited before another is asked.</summary>
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(4);

    /// <summary>Longest outage of every core that a call is repeated over.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Calls that had no clear answer and were made again.</summary>
    public int Repeats { get; private set; }

    public Random Random => random;

    /// <summary>Creates under a key; returns the data of the answer.</summary>
    public async Task<JsonNode> CreateAsync(string path, object body, string key)
    {
        var answer = await CallAsync(HttpMethod.Post, path, body, key);
        return answer.Ok;
    }

    /// <summary>A verb; its answer may be a refusal, as the task may have moved on.</summary>
    public Task<ApiAnswer> DoAsync(string id, string verb) =>
        CallAsync(HttpMethod.Post, $"tasks/{id}/{verb}", new { }, key: null);

    public async Task<JsonNode> GetAsync(string path) => (await CallAsync(HttpMethod.Get, path, null, null)).Ok;

    public Task<ApiAnswer> PostAsync(string path, object body) => CallAsync(HttpMethod.Post, path, body, key: null);

    /// <summary>Asks core after core until one gives an answer that is neither "later" nor "do not know".</summary>
    private async Task<ApiAnswer> CallAsync(HttpMethod method, string path, object? body, string? key)
    {
        var watch = Stopwatch.StartNew();
        using var pause = new PeriodicTimer(Pause);
        var last = "no core is there";
        while (watch.Elapsed < Patience)
        {
            if (cluster.Cores is { Count: > 0 } cores)
            {
                try
                {
                    var answer = await SendAsync(cores[random.Next(cores.Count)], (method, path), body, key);
                    if (answer.Status < 500 && answer.Code != InProgress) return answer;
                    last = $"HTTP {answer.Status}, code {answer.Code}: {answer.Message}";
                }
                catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException
                    or ObjectDisposedException)
                {
                    last = e.Message;
                }
            }

            Repeats++;
            await pause.WaitForNextTickAsync();
        }

        throw new TimeoutException($"no answer to {method} {path} in {Patience.TotalSeconds} s: {last}");
    }

    private static async Task<ApiAnswer> SendAsync(
        ServerProcess core, (HttpMethod Method, string Path) call, object? body, string? key)
    {
        using var limit = new CancellationTokenSource(AnswerMax);
        using var request = new HttpRequestMessage(call.Method, "/api/taishang/" + call.Path)
        {
            Content = body is null ? null : JsonContent.Create(body),
        };
        if (key is not null) request.Headers.Add("Idempotency-Key", key);
        using var response = await core.Http.SendAsync(request, limit.Token);
        var envelope = JsonNode.Parse(await response.Content.ReadAsStringAsync(limit.Token))!;
        return new ApiAnswer(
            (int)response.StatusCode, (int)envelope["code"]!, envelope["data"], (string)envelope["message"]!, response);
    }
}
