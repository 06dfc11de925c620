using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using RowId = Taishang.Core.Data.RowId;

namespace Taishang.Core.Models;

/// <summary>
/// The way in for whoever wants to call a model: finds it by a reference (<see cref="ModelReference"/>), picks the
/// version, and lets through only what is active, or deprecated and not yet retired.
/// </summary>
public sealed class ModelGate
{
    /// <summary>More references than this are not remembered; the next lookup reads the database.</summary>
    private const int RememberedMax = 1_000;

    private readonly ConcurrentDictionary<(string Reference, int? Major), Remembered> _remembered = new();
    private readonly ModelStore _store;
    private readonly ModelTester _tester;
    private readonly TimeProvider _time;
    private readonly ModelOptions _options;
    private readonly TimeSpan _memory;
    private long _changes;

    internal ModelGate(ModelStore store, ModelTester tester, IOptions<ModelOptions> options, TimeProvider time)
    {
        _store = store;
        _tester = tester;
        _time = time;
        _options = options.Value;
        _memory = TimeSpan.FromMilliseconds(_options.CacheMs);
    }

    /// <summary>The model that embeds text where nothing names one.</summary>
    public Task<UsableModel> RequireDefaultEmbeddingAsync(HttpContext? context, CancellationToken cancellation) =>
        RequireAsync(_options.DefaultEmbedding, null, context, cancellation);

    /// <summary>A model that may be called now.</summary>
    /// <param name="reference">Id, <c>provider/name</c>, or a name that only one provider has; with <c>@alias</c> or
    /// <c>@version</c> behind it for one version.</param>
    /// <param name="major">The newest version within this major; null for the one that the reference names, or the
    /// current one.</param>
    /// <param name="context">Gets the headers Deprecation and Sunset when the model is deprecated.</param>
    /// <exception cref="ApiException">No such model (20001), version (20007) or alias (20012), not active (20004),
    /// retired (20009).</exception>
    public async Task<UsableModel> RequireAsync(
        string reference, int? major, HttpContext? context, CancellationToken cancellation)
    {
        var found = await RecallAsync(reference, major, cancellation);
        var model = found.Model;
        if (model.Status == ModelStatus.Inactive)
        {
            var why = model.StatusReason is null ? "" : $": {model.StatusReason}";
            throw new ApiException(ErrorCodes.ModelNotActive, $"the model {model.Reference} is not active{why}");
        }

        if (model.Status == ModelStatus.Deprecated) Announce(model, context);
        return found;
    }

    /// <summary>A model by reference whatever its status: to bind a collection, or to show.</summary>
    /// <exception cref="ApiException">No such model (20001), or a name that several providers have (20003).</exception>
    public async Task<Model> ResolveAsync(string reference, CancellationToken cancellation) =>
        (await SplitAsync(reference, cancellation)).Model;

    /// <summary>Ids come before names, and a name that holds '@' before a shorter one with a selector.</summary>
    private async Task<(Model Model, string? Selector)> SplitAsync(string reference, CancellationToken cancellation)
    {
        var splits = ModelReference.TrySplit(reference, out var front, out var selector);
        if (splits && RowId.TimeOf(front) is not null && await _store.FindAsync(front, cancellation) is { } byId)
            return (byId, selector);
        if (await FindAsync(reference, cancellation) is { } whole) return (whole, null);
        if (splits && await FindAsync(front, cancellation) is { } model) return (model, selector);
        throw new ApiException(ErrorCodes.ModelNotFound, $"no model '{Cut(reference)}'");
    }

    private async Task<Model?> FindAsync(string reference, CancellationToken cancellation)
    {
        if (RowId.TimeOf(reference) is not null && await _store.FindAsync(reference, cancellation) is { } byId)
            return byId;
        var named = await _store.FindByNameAsync(reference, cancellation);
        if (named.Count == 0) return null;
        if (named.FirstOrDefault(model => model.Reference == reference) is { } exact) return exact;
        if (named.Count == 1) return named[0];
        throw new ApiException(
            ErrorCodes.ModelInvalid,
            $"model: '{reference}' is ambiguous, expected one of {string.Join(", ", named.Select(m => m.Reference))}");
    }

    /// <summary>Forgets what was looked up; called after every change through this server.</summary>
    internal void Forget()
    {
        Interlocked.Increment(ref _changes);
        _remembered.Clear();
    }

    private async Task<UsableModel> RecallAsync(string reference, int? major, CancellationToken cancellation)
    {
        var key = (reference, major);
        if (_remembered.TryGetValue(key, out var known) && _time.GetUtcNow() < known.Until) return known.Model;
        var changes = Interlocked.Read(ref _changes);
        var found = await LoadAsync(reference, major, cancellation);
        if (_remembered.Count >= RememberedMax) _remembered.Clear();
        // What was read before a change may be older than the change.
        if (_memory > TimeSpan.Zero && changes == Interlocked.Read(ref _changes))
            _remembered[key] = new Remembered(found, _time.GetUtcNow() + _memory);
        return found;
    }

    private async Task<UsableModel> LoadAsync(string reference, int? major, CancellationToken cancellation)
    {
        var (model, selector) = await SplitAsync(reference, cancellation);
        var version = await PickAsync(model, major, selector, cancellation);
        return new UsableModel(model, version, _tester.SpecOf(model, version));
    }

    private async Task<ModelVersion> PickAsync(
        Model model, int? major, string? selector, CancellationToken cancellation)
    {
        if (major is { } wanted)
            return ModelVersions.Newest(await _store.VersionsOfMajorAsync(model.Id, wanted, cancellation))
                ?? throw Missing($"of major {major}");
        if (selector is not null && ModelReference.IsAlias(selector))
            return await _store.FindAliasedAsync(model.Id, selector, cancellation)
                ?? throw new ApiException(
                    ErrorCodes.ModelAliasNotFound, $"the model {model.Reference} has no alias '{selector}'");
        return await _store.FindVersionAsync(model.Id, selector ?? model.Version, cancellation)
            ?? throw Missing(selector ?? model.Version);

        ApiException Missing(string what) => new(
            ErrorCodes.ModelVersionNotFound, $"the model {model.Reference} has no version {what}");
    }

    private void Announce(Model model, HttpContext? context)
    {
        if (model.RetireAt is { } retire && retire <= _time.GetUtcNow())
            throw new ApiException(
                ErrorCodes.ModelRetired,
                $"the model {model.Reference} is retired since {UtcTimeConverter.Text(retire)}");
        if (context is null || context.Response.HasStarted) return;
        if (model.DeprecatedAt is { } since)
            context.Response.Headers["Deprecation"] = $"@{since.ToUnixTimeSeconds()}";
        if (model.RetireAt is { } sunset) context.Response.Headers["Sunset"] = sunset.ToString("R");
    }

    private static string Cut(string text) => text.Length <= 100 ? text : text[..100] + "…";

    private sealed record Remembered(UsableModel Model, DateTimeOffset Until);
}

/// <summary>A model that may be called, with the version that was picked.</summary>
/// <param name="Model">As registered.</param>
/// <param name="Version">The version to run; its major is what a collection binds to, its dims what it gives.</param>
/// <param name="Spec">For the worker, secrets opened: never logged or answered. Shared: not to be changed.</param>
public sealed record UsableModel(Model Model, ModelVersion Version, ModelSpec Spec)
{
    /// <summary>null for a version that costs nothing, or of which nobody has said what.</summary>
    public ModelPrice? Price { get; } = ModelPrice.Of(Version.Config);

    /// <summary>null for a version that may be asked for as much as anybody likes.</summary>
    public ModelLimits? Limits { get; } = ModelLimits.Of(Version.Config);

    /// <summary>What a chat model reads and writes together; null where nobody has said.</summary>
    public int? ContextTokens { get; } = ModelFacts.Of(Version).ContextTokens;
}
