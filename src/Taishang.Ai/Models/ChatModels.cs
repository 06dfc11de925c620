namespace Taishang.Ai.Models;

/// <summary>The registry that turns a <see cref="ModelReference"/> into a chat model and keeps it ready.</summary>
internal sealed class ChatModels : IDisposable
{
    private readonly Dictionary<string, IChatProvider> _providers = [];
    private readonly ModelCache<ModelReference, IChatModel> _cache;

    public ChatModels(ModelOptions options, IEnumerable<IChatProvider> providers)
    {
        foreach (IChatProvider provider in providers) _providers.Add(provider.Name, provider);
        _cache = new ModelCache<ModelReference, IChatModel>(options.MaxLoadedModels);
    }

    /// <summary>Completes one chat; see <see cref="IChatModel.ChatAsync"/>.</summary>
    /// <exception cref="ModelException">The model is unknown, can not be loaded, or failed.</exception>
    public async Task<ChatOutcome> ChatAsync(
        ModelReference reference, ChatCall call, ChatSink send, CancellationToken cancellationToken)
    {
        if (!_providers.TryGetValue(reference.Provider, out IChatProvider? provider))
        {
            throw new ModelException(ModelErrorKind.UnknownModel,
                $"provider: chat runs on {string.Join(", ", _providers.Keys.Order(StringComparer.Ordinal))}, "
                + $"'{reference.Provider}' came.");
        }
        using ModelLease<IChatModel> lease = await _cache.AcquireAsync(
            reference, token => provider.LoadChatAsync(reference, token).AsTask(), cancellationToken);
        return await lease.Value.ChatAsync(call, send, cancellationToken);
    }

    public void Dispose() => _cache.Dispose();
}
