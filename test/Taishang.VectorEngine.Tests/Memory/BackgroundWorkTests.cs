using System.Globalization;
using Taishang.VectorEngine.Memory;
using Xunit;

namespace Taishang.VectorEngine.Tests.Memory;

public sealed class BackgroundWorkTests
{
    private const int FieldsBetweenNameAndPolicy = 38;
    private const int FieldsBetweenNameAndNiceness = 16;
    private const int OrdinaryPolicy = 0;
    private const int Steps = 6;

    [Fact]
    public async Task A_work_gives_way_at_once_until_it_got_too_little_and_is_then_gone_on_with_at_its_next_step()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "policies of threads are Linux's");
        var seen = new List<(int Step, int Policy)>();
        var released = false;
        await Unprivileged.RunAsync(() => new BackgroundWork(Work().GetEnumerator(), () => seen.Count == 3).Start());

        Assert.Equal(Enumerable.Range(0, Steps), seen.Select(step => step.Step));
        Assert.All(seen.Take(3), step => Assert.Equal(BackgroundThreads.IdlePolicy, step.Policy));
        Assert.All(seen.Skip(3), step => Assert.Equal(OrdinaryPolicy, step.Policy));
        Assert.True(released);

        IEnumerable<Pause> Work()
        {
            try
            {
                for (var i = 0; i < Steps; i++)
                {
                    seen.Add((i, Policy()));
                    yield return default;
                }
            }
            finally
            {
                released = true;
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_goes_wrong_in_a_step_reaches_who_waits(bool isHandedOver)
    {
        await Assert.ThrowsAsync<InvalidDataException>(
            () => new BackgroundWork(Work().GetEnumerator(), () => isHandedOver).Start());

        static IEnumerable<Pause> Work()
        {
            yield return default;
            throw new InvalidDataException("damaged");
        }
    }

    [Fact]
    public async Task Who_listens_to_a_build_or_waits_for_it_does_not_give_way_as_the_build_does()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "policies of threads are Linux's");
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(new VectorCollectionOptions { Dimensions = 8 });
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(4, 2000, 8)));
        var listener = new Listener();

        await Unprivileged.RunAsync(() => collection.BuildIndexAsync(listener, CancellationToken.None));

        Assert.NotEmpty(listener.Seen);
        Assert.All(listener.Seen, seen => Assert.Equal((OrdinaryPolicy, 0), seen));
        await BackgroundThreads.Start(() => Assert.Equal(BackgroundThreads.Niceness, Niceness()));
        Assert.Equal((OrdinaryPolicy, 0), (Policy(), Niceness()));
    }

    private static int Policy() => Field(FieldsBetweenNameAndPolicy);

    private static int Niceness() => Field(FieldsBetweenNameAndNiceness);

    private static int Field(int number)
    {
        var text = File.ReadAllText("/proc/thread-self/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return int.Parse(fields[number], CultureInfo.InvariantCulture);
    }

    private sealed class Listener : IProgress<double>
    {
        public List<(int Policy, int Niceness)> Seen { get; } = [];

        public void Report(double value) => Seen.Add((Policy(), Niceness()));
    }
}
